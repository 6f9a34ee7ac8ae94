//! Schemas, types and examples say the same.

#![allow(clippy::unwrap_used, reason = "a test that can't read what is committed should stop there")]

mod changes;
mod errors;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use spillway_contracts::alarm::AlarmEvent;
use spillway_contracts::notification::{S3Message, SnsEnvelope};
use spillway_contracts::schema::{Contract, VERSION, contracts};

use crate::changes::changes;
use crate::errors::ERRORS;

#[test]
fn schemas_are_current() {
    let generated: BTreeMap<String, String> =
        contracts().iter().map(|contract| (contract.file_name(), contract.text())).collect();
    let committed = files("schemas");
    let names = |schemas: &BTreeMap<String, String>| schemas.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&committed), names(&generated), "run `cargo contracts`: a schema is missing, or nobody's");
    for (name, text) in &generated {
        assert!(committed[name] == *text, "run `cargo contracts`: contracts/schemas/{name} is not current");
    }
}

#[test]
fn schemas_are_valid() {
    for contract in contracts() {
        let schema = contract.schema.as_value();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{}", contract.name);
        if let Err(error) = jsonschema::draft202012::meta::validate(schema) {
            panic!("{}: {error} at {}", contract.name, error.instance_path());
        }
    }
}

#[test]
fn every_schema_says_what_it_is() {
    for contract in contracts() {
        let schema = contract.schema.as_value();
        let id = format!("https://spillway.example/schemas/v{VERSION}/{}", contract.file_name());
        assert_eq!((&schema["$id"], &schema["version"]), (&json!(id), &json!(VERSION)));
        assert!(is_text(&schema["title"]), "{} has no title", contract.name);
        let mut silent = Vec::new();
        undescribed(schema, contract.name, &mut silent);
        assert_eq!(silent, [""; 0], "each type and field needs a doc comment that reads well outside of Rust");
    }
}

#[test]
fn the_index_lists_every_contract_and_its_links_lead_somewhere() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let index = fs::read_to_string(folder.join("README.md")).unwrap();
    let links: BTreeSet<&str> = index.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    for link in &links {
        assert!(folder.join(link).exists(), "README.md links to {link}");
    }
    for contract in contracts() {
        let name = contract.name;
        assert!(links.contains(format!("schemas/{name}.schema.json").as_str()), "README.md has no schema of {name}");
        let example = format!("examples/{name}/ok-");
        assert!(links.iter().any(|link| link.starts_with(&example)), "README.md has no example of {name}");
    }
}

#[test]
fn examples_show_every_field() {
    for (contract, _) in validators() {
        let mut shown = BTreeSet::new();
        for example in examples().iter().filter(|example| example.is_good && example.contract == contract.name) {
            names_in(&example.document, &mut shown);
        }
        let mut fields = BTreeSet::new();
        properties_in(contract.schema.as_value(), &mut fields);
        let hidden: Vec<_> = fields.difference(&shown).collect();
        assert!(hidden.is_empty(), "no good example of {} has {hidden:?}", contract.name);
    }
}

#[test]
fn every_example_belongs_to_a_contract() {
    let names: Vec<&str> = contracts().iter().map(|contract| contract.name).collect();
    for example in examples() {
        assert!(names.contains(&example.contract.as_str()), "{} is no contract's", example.name);
    }
}

#[test]
fn every_contract_has_a_good_example() {
    has_example(|example| example.is_good);
}

#[test]
fn every_contract_has_a_bad_example() {
    has_example(|example| !example.is_good);
}

#[test]
fn good_examples_pass_schema_and_type() {
    for (contract, validator) in validators() {
        for example in examples().iter().filter(|example| example.is_good && example.contract == contract.name) {
            if let Err(error) = validator.validate(&example.document) {
                panic!("{} fails the schema: {error} at {}", example.name, error.instance_path());
            }
            if let Err(error) = (contract.parse)(&example.document.to_string()) {
                panic!("{} fails the type: {error}", example.name);
            }
        }
    }
}

#[test]
fn bad_examples_fail_schema_and_type() {
    let mut seen = BTreeMap::new();
    for (contract, validator) in validators() {
        for example in examples().iter().filter(|example| !example.is_good && example.contract == contract.name) {
            assert!(!validator.is_valid(&example.document), "{} passes the schema", example.name);
            let error = (contract.parse)(&example.document.to_string())
                .expect_err(&format!("{} passes the type", example.name))
                .to_string();
            seen.insert(example.name.clone(), in_short(&error));
        }
    }
    let expect: BTreeMap<_, _> = ERRORS.iter().map(|(name, error)| ((*name).to_owned(), (*error).to_owned())).collect();
    let names: BTreeSet<&String> = seen.keys().chain(expect.keys()).collect();
    for name in names {
        assert_eq!(seen.get(name), expect.get(name), "what the type says about {name}, and what tests/errors says");
    }
}

/// Each good example, changed in one place in many ways: whatever the schema accepts the type reads, and nothing else.
#[test]
fn schema_and_type_agree_on_every_small_change() {
    let mut disagreements = Vec::new();
    for (contract, validator) in validators() {
        for example in examples().iter().filter(|example| example.is_good && example.contract == contract.name) {
            for (change, document) in changes(&example.document) {
                let (schema, read) = (validator.is_valid(&document), (contract.parse)(&document.to_string()));
                if schema != read.is_ok() {
                    disagreements.push(format!("{}, {change}: schema {schema}, type {read:?}", example.name));
                }
            }
        }
    }
    assert!(disagreements.is_empty(), "{} disagreements:\n{}", disagreements.len(), disagreements.join("\n"));
}

#[test]
fn events_of_aws_survive_a_round_trip() {
    round_trip::<S3Message>("s3-message");
    round_trip::<SnsEnvelope>("sns-envelope");
    round_trip::<AlarmEvent>("alarm-event");
}

/// A file of `examples`.
struct Example {
    /// Its contract's folder and its own name, without `.json`.
    name: String,
    contract: String,
    is_good: bool,
    document: Value,
}

fn examples() -> Vec<Example> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let folders = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    folders.flat_map(|folder| examples_of(folder.file_name().unwrap().to_str().unwrap())).collect()
}

fn examples_of(contract: &str) -> Vec<Example> {
    let example = |(file, text): (String, String)| {
        let case = file.strip_suffix(".json").unwrap_or_else(|| panic!("{contract}/{file} is not a .json"));
        let name = format!("{contract}/{case}");
        let is_good = case.starts_with("ok-");
        assert!(is_good || case.starts_with("bad-"), "{name} says neither `ok-` nor `bad-`");
        let document = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name} is not JSON: {error}"));
        Example { contract: contract.to_owned(), is_good, document, name }
    };
    files(&format!("examples/{contract}")).into_iter().map(example).collect()
}

/// The files of a folder of this crate, by name.
fn files(folder: &str) -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    paths.map(|path| (name(&path), fs::read_to_string(&path).unwrap())).collect()
}

/// The error without the position in the file and without the list of the fields that there are.
fn in_short(error: &str) -> String {
    let end = |tail| error.find(tail).unwrap_or(error.len());
    error[..end(" at line ").min(end(", expected one of "))].to_owned()
}

/// Every contract, with a validator of its schema that checks formats too.
fn validators() -> Vec<(Contract, Validator)> {
    let options = jsonschema::draft202012::options().should_validate_formats(true);
    let validator = |contract: Contract| {
        let validator = options.build(contract.schema.as_value()).unwrap();
        (contract, validator)
    };
    contracts().into_iter().map(validator).collect()
}

#[track_caller]
fn has_example(fits: fn(&Example) -> bool) {
    let examples: Vec<_> = examples().into_iter().filter(fits).collect();
    for contract in contracts() {
        assert!(examples.iter().any(|example| example.contract == contract.name), "{} has none", contract.name);
    }
}

#[track_caller]
fn round_trip<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(contract: &str) {
    for example in examples().into_iter().filter(|example| example.is_good && example.contract == contract) {
        let event: T = serde_json::from_value(example.document).unwrap();
        let again: T = serde_json::from_str(&serde_json::to_string(&event).unwrap()).unwrap();
        assert_eq!(again, event, "{}", example.name);
    }
}

/// The names of all fields in a document.
fn names_in(document: &Value, names: &mut BTreeSet<String>) {
    match document {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            names.insert(name.clone());
            names_in(value, names);
        }),
        Value::Array(items) => items.iter().for_each(|item| names_in(item, names)),
        _ => {}
    }
}

/// The names of all properties in a schema.
fn properties_in(schema: &Value, names: &mut BTreeSet<String>) {
    match schema {
        Value::Object(keywords) => keywords.iter().for_each(|(keyword, value)| {
            if keyword == "properties" {
                names.extend(value.as_object().into_iter().flatten().map(|(name, _)| name.clone()));
            }
            properties_in(value, names);
        }),
        Value::Array(schemas) => schemas.iter().for_each(|schema| properties_in(schema, names)),
        _ => {}
    }
}

fn is_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.trim().is_empty())
}

/// What a number can be of.
const UNITS: [&str; 9] =
    ["bytes", "seconds", "minutes", "percent", "How many", "how many", "position", "number", "HTTP status"];

/// Adds the places below `schema` that have no description, one with a link of rustdoc in it, or a number without a unit.
fn undescribed(schema: &Value, place: &str, silent: &mut Vec<String>) {
    let described = is_text(&schema["description"]) && !schema["description"].to_string().contains("[`");
    if !described {
        silent.push(place.to_owned());
    }
    for group in ["properties", "$defs"] {
        for (name, schema) in schema[group].as_object().into_iter().flatten() {
            undescribed(schema, &format!("{place} {name}"), silent);
        }
    }
    if schema["type"].to_string().contains("integer")
        && !UNITS.iter().any(|unit| schema["description"].to_string().contains(unit))
    {
        silent.push(format!("{place}: a number without a unit"));
    }
    for (index, variant) in schema["oneOf"].as_array().into_iter().flatten().enumerate() {
        undescribed(variant, &format!("{place} variant {index}"), silent);
    }
}
