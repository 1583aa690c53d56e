//! The blocks of code in the project's documents: what they show is what the tests run.

use crate::support::programs;
use std::fs;

/// The blocks in `language` of the file `name` of the checkout, below the heading `heading`.
pub(crate) fn blocks(name: &str, heading: &str, language: &str) -> Vec<String> {
    let text = fs::read_to_string(programs::checkout().join(name)).expect("a document");
    let section = text
        .split("\n## ")
        .find_map(|section| section.strip_prefix(&format!("{heading}\n")))
        .unwrap_or_else(|| panic!("{name} has no section `{heading}`"));
    section
        .split(&format!("```{language}\n"))
        .skip(1)
        .filter_map(|rest| rest.split_once("```"))
        .map(|(block, _)| block.to_owned())
        .collect()
}

/// The only such block.
pub(crate) fn block(name: &str, heading: &str, language: &str) -> String {
    let blocks = blocks(name, heading, language);
    let [block] = &blocks[..] else {
        panic!("{name}, `{heading}`: {} blocks", blocks.len());
    };
    block.clone()
}
