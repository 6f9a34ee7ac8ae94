//! The state machine as a drawing: nodes with places, edges with points.

mod definition;
mod layout;

use serde::{Deserialize, Serialize};

pub(crate) use definition::{Extent, draw};

/// A drawing, in pixels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Graph {
    /// How wide it is.
    pub width: f64,
    /// How high it is.
    pub height: f64,
    /// The states; a Map comes before those inside it.
    pub nodes: Vec<Node>,
    /// The transitions.
    pub edges: Vec<Edge>,
}

/// A state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its type, such as `Task`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What the definition says of it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub comment: Option<String>,
    /// The left edge.
    pub x: f64,
    /// The upper edge.
    pub y: f64,
    /// How wide it is.
    pub width: f64,
    /// How high it is.
    pub height: f64,
    /// The contract of what its function is given.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request: Option<String>,
    /// The contract of what its function answers.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub response: Option<String>,
}

/// A transition.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Edge {
    /// The state that is left.
    pub from: String,
    /// The state that is entered.
    pub to: String,
    /// On an error.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub catch: bool,
    /// Where it leads through, from the one to the other; none if there is no room for it in the drawing.
    pub points: Vec<(f64, f64)>,
}
