//! The documents: their links lead somewhere, and what they name is there.

mod commands;
mod links;
mod names;
mod phrases;

use std::fs;
use std::path::{Path, PathBuf};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use spillway_tests::repository;

/// What a document is made of, as far as it can be wrong.
#[derive(Debug, Default)]
struct Document {
    /// Its path in the repository.
    path: PathBuf,
    links: Vec<String>,
    /// What a link to a heading has behind `#`.
    anchors: Vec<String>,
    /// Code within sentences.
    spans: Vec<String>,
    /// Lines of code blocks, except those with a language, which hold no commands.
    lines: Vec<String>,
    comments: Vec<String>,
}

impl Document {
    fn parse(path: &Path, text: &str) -> Self {
        let mut document = Self { path: path.to_owned(), ..Self::default() };
        let (mut heading, mut is_listing) = (None, false);
        for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
            match event {
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => document.anchors.extend(heading.take().map(|text| anchor(&text))),
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    document.links.push(dest_url.into_string());
                }
                Event::Start(Tag::CodeBlock(kind)) => is_listing = matches!(kind, CodeBlockKind::Indented),
                Event::End(TagEnd::CodeBlock) => is_listing = false,
                Event::Html(html) => document.comments.push(html.into_string()),
                Event::Code(code) => {
                    heading.iter_mut().for_each(|heading| heading.push_str(&code));
                    document.spans.push(code.into_string());
                }
                Event::Text(text) => {
                    heading.iter_mut().for_each(|heading| heading.push_str(&text));
                    if is_listing {
                        document.lines.extend(text.lines().map(str::to_owned));
                    }
                }
                _ => {}
            }
        }
        document
    }

    fn at(&self, what: &str) -> String {
        format!("{}: {what}", self.path.display())
    }
}

/// A heading as GitHub and others make an anchor of it.
fn anchor(heading: &str) -> String {
    let kept = |letter: &char| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_');
    heading.to_lowercase().chars().filter(kept).map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}

/// Every document of the repository.
fn documents() -> Vec<Document> {
    let documents: Vec<Document> = files(&["md"])
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(repository().join(&path)).expect("a document can be read");
            Document::parse(&path, &text)
        })
        .collect();
    assert!(documents.iter().any(|document| document.path == Path::new("README.md")), "no README.md was found");
    documents
}

/// The files of the repository with one of these extensions, without what is built or belongs to Git.
fn files(extensions: &[&str]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![repository()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder can be read") {
            let path = entry.expect("an entry").path();
            let extension = path.extension().and_then(|extension| extension.to_str());
            if path.is_dir() && !path.ends_with("target") && !path.ends_with(".git") {
                folders.push(path);
            } else if extension.is_some_and(|extension| extensions.contains(&extension)) {
                files.push(path.strip_prefix(repository()).expect("a path in the repository").to_owned());
            }
        }
    }
    files.sort();
    files
}

#[test]
fn the_first_document_is_short() {
    let readme = fs::read_to_string(repository().join("README.md")).expect("README.md can be read");
    assert!(readme.lines().count() <= 150, "README.md has {} lines", readme.lines().count());
}
