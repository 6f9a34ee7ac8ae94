//! A state machine as a Mermaid diagram.

use std::fmt::Write;

use crate::machine::{Machine, Transition, Why};

/// The diagram, with the states in the order in which a run meets them.
pub fn mermaid(machine: &Machine) -> String {
    let mut diagram = "stateDiagram-v2\n".to_owned();
    draw(&mut diagram, &machine.transitions(), None);
    diagram
}

/// Draws what belongs to `map`. What is inside of a Map comes before the ways that lead on from it.
fn draw(diagram: &mut String, transitions: &[Transition], map: Option<&str>) {
    let indent = if map.is_some() { "        " } else { "    " };
    let mut drawn: Vec<&Transition> = Vec::new();
    for transition in transitions.iter().filter(|transition| transition.map.as_deref() == map) {
        let siblings: Vec<_> = drawn.iter().filter(|sibling| sibling.from == transition.from).collect();
        // A failure that leads where success leads is no way of its own.
        if siblings.iter().any(|sibling| sibling.to == transition.to) {
            continue;
        }
        let [from, to] = [&transition.from, &transition.to].map(|state| state.as_deref().unwrap_or("[*]"));
        if siblings.is_empty() && transitions.iter().any(|inner| inner.map.as_deref() == Some(from)) {
            let _ = writeln!(diagram, "{indent}state {from} {{");
            draw(diagram, transitions, Some(from));
            let _ = writeln!(diagram, "{indent}}}");
        }
        let other = siblings.iter().any(|sibling| matches!(sibling.why, Why::Catch { .. }));
        let _ = writeln!(diagram, "{indent}{from} --> {to}{}", label(&transition.why, other));
        drawn.push(transition);
    }
}

/// What stands at an arrow. A Choice asks what its name says.
fn label(why: &Why, other: bool) -> String {
    match why {
        Why::Always => String::new(),
        Why::Rule(comment) => format!(": {comment}"),
        Why::Default => ": no".to_owned(),
        Why::Catch { comment: Some(comment), .. } => format!(": {comment}"),
        Why::Catch { errors, .. } if errors != &["States.ALL"] => format!(": {}", errors.join(", ")),
        Why::Catch { .. } if other => ": any other error".to_owned(),
        Why::Catch { .. } => ": any error".to_owned(),
    }
}
