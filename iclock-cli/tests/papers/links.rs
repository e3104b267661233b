//! Links between papers lead to files and headings that exist.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::markdown::{anchors, links, prose};
use super::{papers, read, root};

/// The path without `..`, from the root.
fn resolved(paper: &str, target: &str) -> PathBuf {
    let mut path = Path::new(paper).parent().unwrap().to_owned();
    for part in Path::new(target).components() {
        match part {
            Component::ParentDir => assert!(path.pop(), "{paper}: {target} leaves the repository"),
            other => path.push(other),
        }
    }
    path
}

#[test]
fn links_between_papers_lead_to_files_and_headings() {
    let mut broken = Vec::new();
    for paper in papers() {
        let text = prose(&read(&paper));
        for link in links(&text).iter().filter(|link| !link.contains("://")) {
            let (target, anchor) = link.split_once('#').unwrap_or((link, ""));
            let path = if target.is_empty() { PathBuf::from(&paper) } else { resolved(&paper, target) };
            let is_there = root().join(&path).exists();
            let has_anchor = || anchors(&prose(&read(path.to_str().unwrap()))).iter().any(|found| found == anchor);
            if !is_there || (!anchor.is_empty() && !has_anchor()) {
                broken.push(format!("{paper}: {link}"));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
}

#[test]
fn every_manual_is_linked_from_the_readme() {
    let linked: BTreeSet<PathBuf> = links(&prose(&read("README.md"))).iter().map(PathBuf::from).collect();
    let lost: Vec<String> = papers().into_iter().filter(|paper| paper.starts_with("docs/")).collect();
    let lost: Vec<&String> = lost.iter().filter(|paper| !linked.contains(Path::new(paper))).collect();
    assert!(lost.is_empty(), "not linked from README.md: {lost:?}");
}

#[test]
fn every_manual_is_a_chapter_of_the_book() {
    let chapters: BTreeSet<String> = links(&prose(&read("docs/SUMMARY.md"))).into_iter().collect();
    let pages = papers().into_iter().filter_map(|paper| paper.strip_prefix("docs/").map(str::to_owned));
    let lost: Vec<String> = pages.filter(|page| page != "SUMMARY.md" && !chapters.contains(page)).collect();
    assert!(lost.is_empty(), "not in docs/SUMMARY.md: {lost:?}");
}
