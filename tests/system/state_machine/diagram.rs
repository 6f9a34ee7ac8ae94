//! The README draws the state machine as it is.

use spillway_tests::diagram::mermaid;
use spillway_tests::machine::Machine;
use spillway_tests::readme;

#[test]
fn the_diagram_in_the_readme_is_current() {
    readme::check("diagram", &format!("```mermaid\n{}```\n", mermaid(&Machine::read())));
}
