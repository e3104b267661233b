//! The parts of a Markdown file that can be checked: fenced blocks, inline code, links and headings.

/// A fenced block.
pub(crate) struct Block {
    pub(crate) language: String,
    pub(crate) text: String,
}

/// The fenced blocks, in their order.
pub(crate) fn blocks(paper: &str) -> Vec<Block> {
    let (mut blocks, mut open) = (Vec::new(), None::<Block>);
    for line in paper.lines() {
        match (line.strip_prefix("```"), open.as_mut()) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(language), None) => open = Some(Block { language: language.to_owned(), text: String::new() }),
            (None, Some(block)) => block.text += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fence is not closed");
    blocks
}

/// The text outside of fenced blocks.
pub(crate) fn prose(paper: &str) -> String {
    let mut is_fenced = false;
    let outside = paper.lines().filter(|line| {
        let is_fence = line.starts_with("```");
        is_fenced ^= is_fence;
        !is_fenced && !is_fence
    });
    outside.collect::<Vec<_>>().join("\n")
}

/// The inline code of a text.
pub(crate) fn code(prose: &str) -> Vec<&str> {
    prose.split('`').skip(1).step_by(2).collect()
}

/// The targets of links and pictures.
pub(crate) fn links(prose: &str) -> Vec<String> {
    let without_code: String = prose.split('`').step_by(2).collect();
    let starts = ["](", "src=\"", "href=\""];
    let targets = starts.iter().flat_map(|start| {
        let ends = if *start == "](" { ')' } else { '"' };
        without_code.split(start).skip(1).filter_map(move |rest| Some(rest.split_once(ends)?.0.to_owned()))
    });
    targets.collect()
}

/// The anchors of the headings: lower case, words joined by hyphens, without punctuation.
pub(crate) fn anchors(prose: &str) -> Vec<String> {
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    let titles = headings.map(|line| line.trim_start_matches('#').trim().to_lowercase());
    let kept = |letter: &char| letter.is_alphanumeric() || [' ', '-', '_'].contains(letter);
    titles.map(|title| title.chars().filter(kept).collect::<String>().replace(' ', "-")).collect()
}

#[test]
fn a_paper_is_taken_apart() {
    let paper = "# Of `A` & b\n\nSee [it](x.md#y), `[no](link)` and `code`.\n\n```sh\n# a\nb [c](d)\n```\n";
    assert_eq!(blocks(paper).iter().map(|block| block.text.as_str()).collect::<Vec<_>>(), ["# a\nb [c](d)\n"]);
    assert_eq!(links(&prose(paper)), ["x.md#y"]);
    assert_eq!(code(&prose(paper)), ["A", "[no](link)", "code"]);
    assert_eq!(anchors(&prose(paper)), ["of-a--b"]);
}
