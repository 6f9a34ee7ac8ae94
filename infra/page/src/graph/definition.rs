//! A definition in the Amazon States Language, laid out.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::layout::{Laid, Size, layout};
use super::{Edge, Graph, Node};

/// How high a state is drawn.
const HEIGHT: f64 = 26.0;
/// The width of a character, about.
const CHARACTER: f64 = 6.4;
/// What a Map has around what is inside it.
const MARGIN: f64 = 14.0;
/// What a Map has above that, for its name.
const TITLE: f64 = 24.0;

/// A transition of a definition.
struct Transition {
    from: String,
    to: String,
    catch: bool,
}

/// Which states are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All of them.
    Whole,
    /// Those that not only errors lead to.
    WithoutErrors,
}

/// Draws the state machine of `definition`; `contracts` are the names of those there are.
pub(crate) fn draw(
    definition: &Value,
    extent: Extent,
    contracts: &BTreeMap<String, BTreeMap<String, String>>,
) -> Graph {
    let mut graph = level(definition, extent);
    for node in &mut graph.nodes {
        let function = kebab(&node.name);
        let contract = |suffix| Some(format!("{function}-{suffix}")).filter(|name| contracts.contains_key(name));
        (node.request, node.response) = (contract("request"), contract("response"));
    }
    graph
}

/// The states of one level, with what is inside them.
fn level(definition: &Value, extent: Extent) -> Graph {
    let none = Map::new();
    let states = definition["States"].as_object().unwrap_or(&none);
    let order = in_order(definition["StartAt"].as_str().unwrap_or_default(), states, extent);
    let inner: BTreeMap<&str, Graph> = order
        .iter()
        .filter_map(|name| Some((name.as_str(), processor(&states[name.as_str()])?)))
        .map(|(name, processor)| (name, level(processor, extent)))
        .collect();
    let size = |name: &String| match inner.get(name.as_str()) {
        Some(inner) => Size { width: inner.width + 2.0 * MARGIN, height: inner.height + TITLE + MARGIN },
        None => Size { width: (name.chars().count() as f64 * CHARACTER + 26.0).round(), height: HEIGHT },
    };
    let sizes: Vec<Size> = order.iter().map(size).collect();
    let transitions = transitions(&order, states, extent);
    let place = |name: &String| order.iter().position(|it| it == name);
    let drawn = drawn(&transitions, &inner);
    let edges: Vec<_> = drawn.iter().filter_map(|it| Some((place(&it.from)?, place(&it.to)?))).collect();
    let Laid { width, height, places, routes } = layout(&sizes, &edges);

    let mut graph = Graph { width, height, ..Graph::default() };
    for ((name, size), &(x, y)) in order.iter().zip(&sizes).zip(&places) {
        let state = &states[name.as_str()];
        let text = |field: &str| state[field].as_str().map(str::to_owned);
        graph.nodes.push(Node {
            name: name.clone(),
            kind: text("Type").unwrap_or_default(),
            comment: text("Comment"),
            x,
            y,
            width: size.width,
            height: size.height,
            ..Node::default()
        });
        if let Some(inner) = inner.get(name.as_str()) {
            let (dx, dy) = (x + MARGIN, y + TITLE);
            graph.nodes.extend(inner.nodes.iter().map(|it| Node { x: it.x + dx, y: it.y + dy, ..it.clone() }));
            let moved = |points: &[(f64, f64)]| points.iter().map(|(x, y)| (x + dx, y + dy)).collect();
            graph.edges.extend(inner.edges.iter().map(|it| Edge { points: moved(&it.points), ..it.clone() }));
        }
    }
    let route = |it: &Transition| {
        let ends = (place(&it.from)?, place(&it.to)?);
        edges.iter().position(|edge| *edge == ends).map(|at| routes[at].clone())
    };
    graph.edges.extend(transitions.into_iter().map(|it| {
        let points = route(&it).unwrap_or_default();
        Edge { from: it.from, to: it.to, catch: it.catch, points }
    }));
    graph
}

/// What a Map does with each item.
fn processor(state: &Value) -> Option<&Value> {
    ["ItemProcessor", "Iterator"].iter().map(|&name| &state[name]).find(|it| it.is_object())
}

/// The states by the way that leads to them.
fn in_order(start: &str, states: &Map<String, Value>, extent: Extent) -> Vec<String> {
    let mut order: Vec<String> = Vec::new();
    let mut next = vec![start.to_owned()];
    while let Some(name) = next.pop() {
        let Some(state) = states.get(&name).filter(|_| !order.contains(&name)) else { continue };
        order.push(name);
        next.extend(targets(state, extent).into_iter().rev().map(|(to, _)| to));
    }
    order
}

/// Where a state leads, and whether it is on an error.
fn targets(state: &Value, extent: Extent) -> Vec<(String, bool)> {
    let next = |it: &Value| it["Next"].as_str().map(str::to_owned);
    let each = |field: &str| state[field].as_array().into_iter().flatten().filter_map(next);
    let default = state["Default"].as_str().map(str::to_owned);
    let regular = next(state).into_iter().chain(each("Choices")).chain(default).map(|to| (to, false));
    let caught = each("Catch").filter(|_| extent == Extent::Whole).map(|to| (to, true));
    regular.chain(caught).collect()
}

/// Each pair of states once.
fn transitions(order: &[String], states: &Map<String, Value>, extent: Extent) -> Vec<Transition> {
    let mut transitions: Vec<Transition> = Vec::new();
    for from in order {
        for (to, catch) in targets(&states[from.as_str()], extent) {
            if !transitions.iter().any(|it| it.from == *from && it.to == to) {
                transitions.push(Transition { from: from.clone(), to, catch });
            }
        }
    }
    transitions
}

/// Those that the drawing has room for. Where errors of many states lead to one, one of the lines is enough to see it: that
/// of a Map, if there is one.
fn drawn<'a>(transitions: &'a [Transition], maps: &BTreeMap<&str, Graph>) -> Vec<&'a Transition> {
    let is_chosen = |it: &&Transition| {
        let rivals = transitions.iter().filter(|other| other.to == it.to);
        let mut rivals = rivals.collect::<Vec<_>>();
        rivals.sort_by_key(|other| (other.catch, !maps.contains_key(other.from.as_str())));
        !it.catch || rivals.first().is_some_and(|first| std::ptr::eq(*first, *it))
    };
    transitions.iter().filter(is_chosen).collect()
}

/// `WaitForDeletion` as `wait-for-deletion`.
fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    for (position, letter) in name.char_indices() {
        if letter.is_uppercase() && position > 0 {
            kebab.push('-');
        }
        kebab.extend(letter.to_lowercase());
    }
    kebab
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::vocabulary;

    fn driver() -> Graph {
        let definition = include_str!("../../../../statemachine/driver.asl.json");
        draw(&serde_json::from_str(definition).unwrap(), Extent::Whole, &vocabulary())
    }

    #[test]
    fn without_errors_there_is_the_story_alone() {
        let definition = include_str!("../../../../statemachine/driver.asl.json");
        let graph = draw(&serde_json::from_str(definition).unwrap(), Extent::WithoutErrors, &vocabulary());
        let names: Vec<_> = graph.nodes.iter().map(|node| node.name.as_str()).collect();
        assert_eq!((names.len(), names[0], names[names.len() - 1]), (22, "AcquireRunLock", "PauseBeforePrepareRun"));
        assert!(graph.width < 420.0 && graph.height < 900.0, "{} x {}", graph.width, graph.height);
        assert!(graph.edges.iter().all(|edge| !edge.catch && edge.points.len() > 1));
    }

    fn node<'a>(graph: &'a Graph, name: &str) -> &'a Node {
        graph.nodes.iter().find(|node| node.name == name).unwrap_or_else(|| panic!("there is no {name}"))
    }

    #[test]
    fn every_state_of_the_driver_is_drawn_and_none_covers_another() {
        let graph = driver();
        assert_eq!(graph.nodes.len(), 31);
        let cycles = node(&graph, "RunCycles");
        for (position, a) in graph.nodes.iter().enumerate() {
            assert!(a.x >= 0.0 && a.x + a.width <= graph.width, "{a:?} is outside");
            assert!(a.y >= 0.0 && a.y + a.height <= graph.height, "{a:?} is outside");
            for b in &graph.nodes[position + 1..] {
                let apart =
                    a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
                assert!(apart || a == cycles, "{a:?} covers {b:?}");
            }
        }
        let upload = node(&graph, "Upload");
        assert!(upload.y > cycles.y && upload.y + upload.height < cycles.y + cycles.height, "{upload:?} {cycles:?}");
    }

    /// Each way that is drawn through a state that it neither leaves nor enters.
    fn crossings(graph: &Graph) -> Vec<String> {
        let mut crossings = Vec::new();
        for edge in &graph.edges {
            let others = graph.nodes.iter().filter(|node| node.name != edge.from && node.name != edge.to);
            let inside = |node: &Node, name: &str| {
                graph.nodes.iter().any(|it| {
                    it.name == name
                        && it.x > node.x
                        && it.x < node.x + node.width
                        && it.y > node.y
                        && it.y < node.y + node.height
                })
            };
            // What is inside a Map leads through it.
            for node in others.filter(|node| !inside(node, &edge.from)) {
                let crosses = edge.points.windows(2).any(|ends| {
                    let ((x, y), (to_x, to_y)) = (ends[0], ends[1]);
                    let beside = x.max(to_x) <= node.x || x.min(to_x) >= node.x + node.width;
                    let apart = y.max(to_y) <= node.y || y.min(to_y) >= node.y + node.height;
                    !beside && !apart
                });
                if crosses {
                    crossings.push(format!("{} to {} through {}", edge.from, edge.to, node.name));
                }
            }
        }
        crossings
    }

    #[test]
    fn no_way_of_a_story_leads_through_a_state() {
        let audit = include_str!("../../../../statemachine/audit.asl.json");
        let audit = draw(&serde_json::from_str(audit).unwrap(), Extent::WithoutErrors, &vocabulary());
        let definition = include_str!("../../../../statemachine/driver.asl.json");
        let story = draw(&serde_json::from_str(definition).unwrap(), Extent::WithoutErrors, &vocabulary());
        for graph in [audit, story, driver()] {
            assert_eq!(crossings(&graph), Vec::<String>::new());
        }
    }

    #[test]
    fn the_story_leads_down_and_looking_again_leads_up() {
        let graph = driver();
        let story = ["AcquireRunLock", "PrepareRun", "RunCycles", "CheckRun", "CallPlotApi", "ReleaseRunLock"];
        let heights: Vec<_> = story.iter().map(|name| node(&graph, name).y).collect();
        assert!(heights.is_sorted(), "{heights:?}");
        let again = graph.edges.iter().find(|edge| edge.from == "PauseBeforeUpload").unwrap();
        assert_eq!(again.to, "Upload");
        let ends = [again.points.first(), again.points.last()].map(|point| point.unwrap().1);
        assert!(ends[0] > ends[1], "{ends:?}");
        let (pause, choice) = (node(&graph, "PauseBeforeUpload"), node(&graph, "AreUploadsRecorded"));
        assert!(pause.y == choice.y && pause.x > choice.x + choice.width, "{pause:?} is not beside {choice:?}");
    }

    #[test]
    fn a_state_has_the_contracts_of_its_function_and_its_comment() {
        let graph = driver();
        let upload = node(&graph, "Upload");
        let contracts = (upload.request.as_deref(), upload.response.as_deref());
        assert_eq!(contracts, (Some("upload-request"), Some("upload-response")));
        assert_eq!(upload.comment.as_deref(), Some("Upload the next object that the ledger has not recorded."));
        assert_eq!(node(&graph, "CycleDone").request, None);
    }

    #[test]
    fn of_the_errors_that_lead_to_one_state_one_line_is_drawn() {
        let graph = driver();
        let drawn = graph.edges.iter().filter(|edge| edge.to == "NoteFailure" && !edge.points.is_empty());
        assert_eq!(drawn.map(|edge| edge.from.as_str()).collect::<Vec<_>>(), ["RunCycles"]);
    }
}
