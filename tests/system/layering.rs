//! Dependencies point one way, and the pure crates stay pure.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};
use spillway_tests::FUNCTIONS;

/// The layers, from the innermost out: a crate may depend on crates of layers further in, and on no others. So the domain
/// reaches no adapter, an adapter no function, and no function another one but usage.
const LAYERS: [&[&str]; 10] = [
    &["spillway-contracts"],
    &["spillway-ledger", "spillway-chart"],
    &["spillway-aws"],
    &["spillway-bucket", "spillway-ledger-store", "spillway-lambda", "spillway-signed-http"],
    &FUNCTIONS,
    // It makes the cleaner's plans.
    &["usage"],
    &["spillway-page"],
    &["spillway-stack"],
    &["spillway-cloudwatch"],
    // What is out here nobody links but the tests.
    &["spillway-local", "spillway-fake-aws", "spillway-contracts-check"],
];

/// What only functions may reach: what talks to DynamoDB, say, can be built without Lambda's runtime.
const LAMBDA: &str = "lambda_runtime";

/// What a pure crate must not reach, not even through others.
const IMPURE: [&str; 4] = ["tokio", "lambda_runtime", "reqwest", "hyper"];

/// The resolved dependencies of every package, by name; those for tests and builds don't count.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = MetadataCommand::new().other_options(["--locked".to_owned()]).exec().expect("cargo metadata");
    let resolve = metadata.resolve.as_ref().expect("cargo metadata resolves");
    let mut dependencies = BTreeMap::new();
    for node in &resolve.nodes {
        let normal = node
            .deps
            .iter()
            .filter(|dependency| dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal));
        let names = normal.map(|dependency| metadata[&dependency.pkg].name.to_string()).collect();
        dependencies.insert(metadata[&node.id].name.to_string(), names);
    }
    dependencies
}

fn reachable(from: &str, dependencies: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut next = vec![from.to_owned()];
    while let Some(name) = next.pop() {
        for dependency in dependencies.get(&name).into_iter().flatten() {
            if seen.insert(dependency.clone()) {
                next.push(dependency.clone());
            }
        }
    }
    seen
}

#[test]
fn dependencies_point_inwards() {
    let dependencies = dependencies();
    for (layer, crates) in LAYERS.iter().enumerate() {
        let not_inside: BTreeSet<_> = LAYERS[layer..].iter().flat_map(|crates| crates.iter().copied()).collect();
        for name in *crates {
            let direct = dependencies.get(*name).unwrap_or_else(|| panic!("there is no crate {name}"));
            let outward: Vec<_> = direct.iter().filter(|dependency| not_inside.contains(dependency.as_str())).collect();
            assert!(outward.is_empty(), "{name} must not depend on {outward:?}");
        }
    }
}

#[test]
fn only_functions_reach_the_runtime_of_lambda() {
    let dependencies = dependencies();
    let reaches = |name: &str| reachable(name, &dependencies).contains(LAMBDA);
    for name in
        ["spillway-aws", "spillway-ledger-store", "spillway-signed-http", "spillway-stack", "spillway-cloudwatch"]
    {
        assert!(!reaches(name), "{name} reaches {LAMBDA}");
    }
    assert!(reaches("cleaner"), "a function reaches no {LAMBDA}, so this test saw nothing");
}

#[test]
fn pure_crates_reach_no_runtime_and_no_aws_client() {
    let dependencies = dependencies();
    for name in ["spillway-contracts", "spillway-ledger", "spillway-chart"] {
        let reached = reachable(name, &dependencies);
        let impure: Vec<_> = reached
            .iter()
            .filter(|dependency| IMPURE.contains(&dependency.as_str()) || dependency.starts_with("aws"))
            .collect();
        assert!(impure.is_empty(), "{name} reaches {impure:?}");
        assert!(reached.contains("jiff"), "{name} reaches nothing, so this test saw nothing");
    }
}
