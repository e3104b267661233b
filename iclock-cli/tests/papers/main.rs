//! The papers of the repository are true: their commands run, their configuration is valid, their links lead somewhere,
//! and the report that they show is the one that the program prints.
#![cfg(all(unix, feature = "sqlite", feature = "firestore"))]

#[path = "../common/mod.rs"]
mod common;

mod commands;
mod configuration;
mod demo;
mod inventory;
mod links;
mod markdown;
mod places;
mod rules;
mod scene;

use std::fs;
use std::path::{Path, PathBuf};

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(paper: &str) -> String {
    fs::read_to_string(root().join(paper)).unwrap_or_else(|error| panic!("{paper}: {error}"))
}

/// Every Markdown file of the repository, by its path from the root.
fn papers() -> Vec<String> {
    fn below(dir: &Path, all: &mut Vec<String>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let is_foreign = name.starts_with('.') || ["target", "node_modules", "artifacts", "corpus"].contains(&name);
            if path.is_dir() && !is_foreign {
                below(&path, all);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                all.push(path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    let mut all = Vec::new();
    below(&root(), &mut all);
    all.sort();
    all
}

/// The papers that show commands to a user of the program: those of the root, of `docs/`, and of this crate.
fn manuals() -> Vec<String> {
    let is_manual = |paper: &String| match paper.split_once('/') {
        None => paper != "CHANGELOG.md",
        Some((dir, name)) => dir == "docs" || (dir == "iclock-cli" && name == "README.md"),
    };
    papers().into_iter().filter(is_manual).collect()
}
