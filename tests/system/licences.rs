//! Whoever uses Spillway may use everything that it is built from.

use std::fs;

use cargo_metadata::MetadataCommand;
use serde::Deserialize;
use spdx::{Expression, Licensee, ParseMode};
use spillway_tests::repository;

/// The part of cargo-deny's configuration that says which licences are allowed.
#[derive(Deserialize)]
struct Config {
    licenses: Licenses,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[test]
fn every_dependency_has_a_licence_that_is_allowed() {
    let text = fs::read_to_string(repository().join(".cargo/deny.toml")).expect("the configuration of cargo-deny");
    let config: Config = toml::from_str(&text).expect("a list of licences");
    let allowed: Vec<Licensee> =
        config.licenses.allow.iter().map(|name| Licensee::parse(name).expect("a licence's name")).collect();
    let metadata = MetadataCommand::new().other_options(["--locked".to_owned()]).exec().expect("cargo metadata");
    let dependencies: Vec<_> = metadata.packages.iter().filter(|package| package.source.is_some()).collect();
    assert!(dependencies.len() > 100, "only {} dependencies were seen", dependencies.len());
    for package in dependencies {
        let licence = package.license.as_deref().unwrap_or_else(|| panic!("{} names no licence", package.name));
        let expression = Expression::parse_mode(licence, ParseMode::LAX);
        let expression = expression.unwrap_or_else(|error| panic!("{}: {error}", package.name));
        let is_allowed = expression.evaluate(|wanted| allowed.iter().any(|licensee| licensee.satisfies(wanted)));
        assert!(is_allowed, "{} is licensed as {licence}, which .cargo/deny.toml does not allow", package.name);
    }
}
