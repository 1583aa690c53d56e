//! Manuals and completions as they are installed.

use crate::support::harness::test;
use crate::support::needs::Need;
use crate::support::programs;
use crate::support::run::Run;
use std::path::PathBuf;
use tempfile::TempDir;

/// Each may have to wait for the build of the programs.
const BUILD: u64 = 900;

const HELP: [(&str, &str); 2] = [
    (
        "find-libdeps",
        include_str!("../find_libdeps/help-long.txt"),
    ),
    ("apt-install", include_str!("../apt_install/help-long.txt")),
];

fn asset(path: &str) -> PathBuf {
    let prefix = programs::installed();
    prefix.with_file_name("share").join(path)
}

test!(
    manuals_have_what_the_help_has,
    needs = &[
        Need::Optimised,
        Need::Cargo,
        Need::Program("man"),
        Need::Program("mandoc")
    ],
    limit = BUILD
);
fn manuals_have_what_the_help_has() {
    for (name, help) in HELP {
        let manual = asset(&format!("man/man1/{name}.1"));
        let lint = Run::new("mandoc").args(["-Tlint", "-Wwarning"]);
        lint.arg(&manual).said().is(0, "", "");
        let text = Run::new("man")
            .env("MANWIDTH", "1000")
            .env("LC_ALL", "C.UTF-8");
        let said = text.arg("-l").arg(&manual).said();
        assert_eq!((said.status, said.stderr.as_str()), (0, ""), "{name}");
        let text = said.stdout;
        let (_, text) = text.split_once('\n').expect("a heading");
        let is_title = |line: &&str| line.starts_with(|c: char| c.is_ascii_uppercase());
        let titles: Vec<&str> = text.lines().filter(is_title).collect();
        let wanted = [
            "NAME",
            "SYNOPSIS",
            "DESCRIPTION",
            "OPTIONS",
            "EXIT STATUS",
            "ENVIRONMENT",
            "EXAMPLES",
            "SEE ALSO",
        ];
        assert_eq!(titles, wanted, "{name}");
        // Words, as the two wrap and lay out lines differently, and a manual names no value `<NAME>`.
        let words = |text: &str| -> Vec<String> {
            let text = text
                .replace("...", " ")
                .replace(['<', '>', '[', ']', '•'], " ");
            text.split_whitespace().map(str::to_owned).collect()
        };
        let has = words(text);
        let missing: Vec<String> = words(help)
            .into_iter()
            .filter(|word| !has.contains(word))
            .collect();
        let layout = [
            "Usage:",
            "Arguments:",
            "Options:",
            "Examples:",
            "Environment:",
            "Exit",
            "status:",
            "-",
            "aliases:",
        ];
        let missing: Vec<_> = missing
            .iter()
            .filter(|word| !layout.contains(&word.as_str()))
            .collect();
        assert_eq!(missing, [""; 0], "{name}");
    }
}

/// Completes the last of `words` in a bash that has read the completions of `name`.
fn bash(name: &str, words: &str) -> String {
    let script = "COMP_LINE=$2; COMP_POINT=${#2}; COMP_WORDS=($2); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        . \"$1\"
        function=$(complete -p \"${COMP_WORDS[0]}\" | sed 's/.* -F \\([^ ]*\\) .*/\\1/')
        \"$function\" \"${COMP_WORDS[0]}\" \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD - 1]}\"
        echo \"${COMPREPLY[@]}\"";
    Run::new("bash")
        .args(["--norc", "-c", script, "bash"])
        .arg(asset(&format!("bash-completion/completions/{name}")))
        .arg(words)
        .must()
}

test!(
    bash_completes_options_and_values,
    needs = &[Need::Optimised, Need::Cargo, Need::Program("bash")],
    limit = BUILD
);
fn bash_completes_options_and_values() {
    assert_eq!(bash("find-libdeps", "find-libdeps --lo"), "--lookup\n");
    assert_eq!(bash("find-libdeps", "find-libdeps --dlopen k"), "known\n");
    assert_eq!(bash("apt-install", "apt-install --purge"), "--purge-only\n");
}

test!(
    fish_completes_options,
    needs = &[Need::Optimised, Need::Cargo, Need::Program("fish")],
    limit = BUILD
);
fn fish_completes_options() {
    let home = TempDir::new().expect("a directory");
    for (line, wanted) in [
        ("find-libdeps --lo", "--lookup"),
        ("apt-install --purge", "--purge-only"),
    ] {
        let name = line.split(' ').next().expect("a word");
        let file = asset(&format!("fish/vendor_completions.d/{name}.fish"));
        let said = Run::new("fish")
            .env("HOME", home.path())
            .args(["--no-config", "-c", "source $argv[1]; complete -C $argv[2]"])
            .arg(file)
            .arg(line)
            .must();
        assert_eq!(said.split(['\t', '=']).next(), Some(wanted), "{said}");
    }
}

test!(
    zsh_reads_the_completions,
    needs = &[Need::Optimised, Need::Cargo, Need::Program("zsh")],
    limit = BUILD
);
fn zsh_reads_the_completions() {
    for (name, _) in HELP {
        let file = asset(&format!("zsh/site-functions/_{name}"));
        Run::new("zsh")
            .args(["-f", "-n"])
            .arg(file)
            .said()
            .is(0, "", "");
    }
}
