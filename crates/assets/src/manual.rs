//! A manual: `clap_mangen`'s sections, and those of the help after the options.

use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use std::io;

/// The sections after the options, in the order of man-pages(7).
const SECTIONS: [&str; 3] = ["Exit status", "Environment", "Examples"];

/// The manual of `command`, in roff. `date` is its date, as YYYY-MM-DD; `see_also` has names and sections.
pub(crate) fn text(
    command: &clap::Command,
    see_also: &[(&str, &str)],
    date: &str,
) -> io::Result<String> {
    let help = command.get_after_help().map(ToString::to_string);
    let help = help.unwrap_or_default();
    let (introduction, sections) = sections(&help);
    let man = Man::new(as_in_the_help(command))
        .date(date)
        .manual("User Commands");
    let mut out = Vec::new();
    man.render_title(&mut out)?;
    man.render_name_section(&mut out)?;
    man.render_synopsis_section(&mut out)?;
    man.render_description_section(&mut out)?;
    let mut roff = Roff::default();
    if !introduction.is_empty() {
        roff.control("PP", []);
        roff.text([roman(introduction)]);
    }
    roff.to_writer(&mut out)?;
    man.render_options_section(&mut out)?;
    after_options(&sections, see_also).to_writer(&mut out)?;
    Ok(tidy(&String::from_utf8_lossy(&out)))
}

/// The sections after the options.
fn after_options(sections: &[(&str, Vec<&str>)], see_also: &[(&str, &str)]) -> Roff {
    let mut roff = Roff::default();
    for wanted in SECTIONS {
        for (title, lines) in sections.iter().filter(|(title, _)| *title == wanted) {
            roff.control("SH", [title.to_uppercase().as_str()]);
            entries(&mut roff, lines);
        }
    }
    // What is left are larger examples.
    for (title, lines) in sections
        .iter()
        .filter(|(title, _)| !SECTIONS.contains(title))
    {
        roff.control("PP", []);
        roff.text([roman(format!("{title}:"))]);
        verbatim(&mut roff, lines);
    }
    roff.control("SH", ["SEE ALSO"]);
    for (index, (name, section)) in see_also.iter().enumerate() {
        let end = if index + 1 == see_also.len() { "" } else { "," };
        roff.text([bold(*name), roman(format!("({section}){end}"))]);
    }
    roff
}

/// Removes what `clap_mangen` writes for each section and a manual needs once, and a line break in front of
/// another one, which `mandoc -Tlint` reports.
fn tidy(text: &str) -> String {
    let apostrophe = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";
    let text = text
        .replace(apostrophe, "")
        .replace("\n.br\n\n.br\n", "\n.sp\n");
    format!("{apostrophe}{text}")
}

/// The command with what the help has and `clap_mangen` omits: the usage line, and the visible aliases of
/// each option.
fn as_in_the_help(command: &clap::Command) -> clap::Command {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").to_owned();
    command.clone().override_usage(usage).mut_args(|arg| {
        let aliases = arg.get_visible_aliases().unwrap_or_default();
        let Some(help) = arg.get_long_help().or_else(|| arg.get_help()) else {
            return arg;
        };
        if aliases.is_empty() {
            return arg;
        }
        let help = format!("{help} [alias: --{}]", aliases.join(", --"));
        arg.long_help(help)
    })
}

/// Splits the help after the options into what precedes the first heading, and titles with their lines.
fn sections(help: &str) -> (&str, Vec<(&str, Vec<&str>)>) {
    let mut introduction = "";
    let mut sections = Vec::new();
    for block in help.split("\n\n") {
        let mut lines = block.lines();
        match lines.next().and_then(|line| line.strip_suffix(':')) {
            Some(title) => sections.push((title, lines.collect())),
            None => introduction = block,
        }
    }
    (introduction, sections)
}

/// Lists terms and their descriptions. A line without both is a term whose description follows, or a
/// paragraph.
fn entries(roff: &mut Roff, lines: &[&str]) {
    for (index, line) in lines.iter().enumerate() {
        let is_continued = lines
            .get(index + 1)
            .is_some_and(|next| next.starts_with("   "));
        let line = line.trim_start();
        match line.split_once("  ") {
            Some((term, description)) => {
                roff.control("TP", []);
                roff.text([bold(term)]);
                roff.text([roman(description.trim_start())]);
            }
            None if is_continued => {
                roff.control("TP", []);
                roff.text([bold(line)]);
            }
            None if lines[index].starts_with("   ") => {
                roff.text([roman(line)]);
            }
            None => {
                roff.control("PP", []);
                roff.text([roman(line)]);
            }
        }
    }
}

fn verbatim(roff: &mut Roff, lines: &[&str]) {
    roff.control("RS", ["4"]);
    roff.control("nf", []);
    for line in lines {
        roff.text([roman(line.trim_start())]);
    }
    roff.control("fi", []);
    roff.control("RE", []);
}
