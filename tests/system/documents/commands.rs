//! Commands in the documents can be run as they are written.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command as Process;

use cargo_metadata::{Metadata, MetadataCommand, TargetKind};
use clap::CommandFactory;
use regex::Regex;
use serde::Deserialize;
use spillway_contracts_check::arguments::Arguments;
use spillway_local::commands::Command;
use spillway_tests::repository;

use super::{Document, documents, files};

/// What cargo has built in, as far as the documents use it.
const BUILT_IN: [&str; 7] = ["test", "bench", "clippy", "fmt", "doc", "package", "run"];

/// Options of these that take no value and name nothing of the repository.
const OPTIONS: [&str; 9] =
    ["--workspace", "--release", "--locked", "--all", "--all-targets", "--offline", "--no-deps", "--open", "--quiet"];

#[derive(Deserialize)]
struct Configuration {
    alias: BTreeMap<String, String>,
}

/// What the repository has to offer to a command.
struct Offer {
    aliases: BTreeMap<String, String>,
    metadata: Metadata,
    /// The paths and the texts of tests, in which a filter has to be found.
    tests: String,
}

impl Offer {
    fn read() -> Self {
        let text = fs::read_to_string(repository().join(".cargo/config.toml")).expect("cargo's configuration");
        let configuration: Configuration = toml::from_str(&text).expect("aliases");
        let metadata =
            MetadataCommand::new().no_deps().other_options(["--locked".to_owned()]).exec().expect("metadata");
        let mut tests = String::new();
        for path in files(&["rs"]) {
            let text = fs::read_to_string(repository().join(&path)).expect("a file can be read");
            let names = text.lines().filter(|line| line.trim_start().starts_with("fn ") || line.contains(" fn "));
            let file = path.with_extension("").display().to_string();
            [file.as_str()].into_iter().chain(names).for_each(|name| tests.extend([name, "\n"]));
        }
        Self { aliases: configuration.alias, metadata, tests }
    }

    fn has_target(&self, kind: TargetKind, name: &str) -> bool {
        let mut targets = self.metadata.packages.iter().flat_map(|package| &package.targets);
        targets.any(|target| target.name == name && target.kind.contains(&kind))
    }

    fn has_package(&self, name: &str) -> bool {
        self.metadata.packages.iter().any(|package| package.name.as_str() == name)
    }

    /// Why this command, given as its words after `cargo`, can't be run.
    fn refuse(&self, words: &[&str]) -> Option<String> {
        let [command, rest @ ..] = words else { return None };
        if BUILT_IN.contains(command) {
            return self.refuse_built_in(rest);
        }
        let Some(alias) = self.aliases.get(*command) else { return Some(format!("there is no cargo {command}")) };
        let mut alias = alias.split(' ');
        let words = alias.by_ref().take_while(|word| *word != "--").collect::<Vec<_>>();
        if let Some(refusal) = self.refuse_built_in(&words[1..]) {
            return Some(format!("cargo {command}: {refusal}"));
        }
        if rest.is_empty() {
            // It is spoken of, and not to be run like that.
            return None;
        }
        let name = *words.last().expect("an alias that names its binary");
        let arguments = alias.chain(rest.iter().copied());
        refused_by(name, &arguments.collect::<Vec<_>>())
    }

    fn refuse_built_in(&self, words: &[&str]) -> Option<String> {
        let mut words = words.iter().take_while(|word| **word != "--");
        while let Some(word) = words.next() {
            let mut value = || words.next().copied().unwrap_or_default();
            let is_there = match *word {
                "--test" => self.has_target(TargetKind::Test, value()),
                "--bin" => self.has_target(TargetKind::Bin, value()),
                "--example" => self.has_target(TargetKind::Example, value()),
                "--package" | "-p" => self.has_package(value()),
                option if option.starts_with('-') => OPTIONS.contains(&option),
                filter => self.tests.contains(filter),
            };
            if !is_there {
                return Some(format!("there is no {word} like that"));
            }
        }
        None
    }
}

/// Why the binary of this name doesn't take these arguments.
fn refused_by(name: &str, arguments: &[&str]) -> Option<String> {
    let words = [name].into_iter().chain(arguments.iter().copied());
    match name {
        "spillway-stack" => {
            let read = spillway_stack::commands::Command::command().try_get_matches_from(words);
            read.err().map(|error| error.to_string())
        }
        "spillway-local" => Command::command().try_get_matches_from(words).err().map(|error| error.to_string()),
        "contracts" => Arguments::command().try_get_matches_from(words).err().map(|error| error.to_string()),
        "numbers" => {
            // It would measure for minutes; asked for help, it still reads what stands before.
            let output = Process::new(env!("CARGO_BIN_EXE_numbers")).args(arguments).arg("--help").output();
            let output = output.expect("the binary starts");
            (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
        }
        name => Some(format!("this test does not know how {name} reads its arguments")),
    }
}

/// The cargo commands in a text, each with its words after `cargo`.
fn cargo_commands(text: &str) -> Vec<Vec<&str>> {
    let command = Regex::new(r"\bcargo ([a-z][^`#&|>]*)").expect("a pattern");
    let words = command.captures_iter(text).filter_map(|found| found.get(1)).map(|found| found.as_str());
    words.map(|words| words.trim_end_matches("--").split_whitespace().collect()).collect()
}

/// The commands of these documents that can't be run.
fn refused(documents: &[Document], offer: &Offer) -> (usize, Vec<String>) {
    let (mut count, mut refused) = (0, Vec::new());
    for document in documents {
        for text in document.spans.iter().chain(&document.lines).chain(&document.comments) {
            for words in cargo_commands(text) {
                count += 1;
                let refusal = offer.refuse(&words);
                refused.extend(refusal.map(|why| document.at(&format!("cargo {}: {why}", words.join(" ")))));
            }
        }
    }
    (count, refused)
}

#[test]
fn every_command_can_be_run() {
    let (count, refused) = refused(&documents(), &Offer::read());
    assert!(count > 20, "only {count} commands were seen");
    assert_eq!(refused, [""; 0]);
}

#[test]
fn the_help_of_every_command_has_examples_that_can_be_run() {
    let offer = Offer::read();
    let mut helps = BTreeMap::from([("cargo numbers".to_owned(), help_of_numbers())]);
    for mut command in [Command::command(), spillway_stack::commands::Command::command(), Arguments::command()] {
        command.build();
        helps.insert(command.get_name().to_owned(), command.render_help().to_string());
        for subcommand in command.get_subcommands_mut().filter(|subcommand| subcommand.get_name() != "help") {
            helps
                .insert(subcommand.get_bin_name().unwrap_or_default().to_owned(), subcommand.render_help().to_string());
        }
    }
    let commands: Vec<_> = helps.keys().map(String::as_str).collect();
    let expected = [
        "cargo contracts",
        "cargo contracts check",
        "cargo local",
        "cargo local demo",
        "cargo local run",
        "cargo local up",
        "cargo numbers",
        "cargo stack",
        "cargo stack audit",
        "cargo stack doctor",
        "cargo stack plan",
        "cargo stack restore",
        "cargo stack run",
        "cargo stack usage",
        "cargo stack watch",
    ];
    assert_eq!(commands, expected);
    for (command, help) in &helps {
        let (_, examples) = help.split_once("Examples:\n").unwrap_or_else(|| panic!("{command} has no examples"));
        let examples: Vec<_> = examples.lines().filter(|line| line.starts_with("  cargo ")).collect();
        assert!(!examples.is_empty(), "{command} has no examples");
        for example in examples {
            let words: Vec<_> = example.split_whitespace().skip(1).collect();
            assert_eq!(offer.refuse(&words), None, "{example}");
        }
    }
}

fn help_of_numbers() -> String {
    let output = Process::new(env!("CARGO_BIN_EXE_numbers")).arg("--help").output().expect("the binary starts");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn a_command_that_is_not_there_is_told() {
    let offer = Offer::read();
    let told = |text: &str| {
        let document = Document::parse(Path::new("README.md"), text);
        refused(&[document], &offer).1.len()
    };
    for good in ["cargo demo", "cargo local run --input a.json", "cargo test --workspace --test system storm"] {
        assert_eq!(told(&format!("`{good}`")), 0, "{good}");
    }
    for bad in [
        "cargo nothing",
        "cargo local nothing",
        "cargo local up --nothing",
        "cargo contracts check a.json",
        "cargo numbers nothing",
        "cargo test --test nothing",
        "cargo test --workspace --nothing",
        "cargo test -p nothing",
        "cargo test no_test_has_this_name",
    ] {
        assert_eq!(told(&format!("`{bad}`")), 1, "{bad}");
    }
}
