//! The document of the state machines draws them as they are.

use spillway_tests::diagram::mermaid;
use spillway_tests::machine::Machine;
use spillway_tests::readme;

#[test]
fn the_diagram_of_the_driver_is_current() {
    check("diagram_of_the_driver", &Machine::driver());
}

#[test]
fn the_diagram_of_the_audit_is_current() {
    check("diagram_of_the_audit", &Machine::audit());
}

#[track_caller]
fn check(part: &str, machine: &Machine) {
    readme::check("statemachine/README.md", part, &format!("```mermaid\n{}```\n", mermaid(machine)));
}
