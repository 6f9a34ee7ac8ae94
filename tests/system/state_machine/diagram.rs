//! The document of the state machine draws it as it is.

use spillway_tests::diagram::mermaid;
use spillway_tests::machine::Machine;
use spillway_tests::readme;

#[test]
fn the_diagram_in_the_document_is_current() {
    readme::check("statemachine/README.md", "diagram", &format!("```mermaid\n{}```\n", mermaid(&Machine::read())));
}
