//! The program: arguments in, a list of packages and an exit status out.

use find_libdeps::analysis;
use find_libdeps::cli::{self, Check, Format, Invocation};
use find_libdeps::config::{Config, Lookup};
use find_libdeps::report::messages::Messages;
use find_libdeps::report::{explain, failures, json, progress};
use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

const OBJECTIONS: u8 = 1;
const NO_LIST: u8 = 2;

fn main() -> ExitCode {
    let Invocation {
        config,
        format,
        check,
        is_strict,
        verbosity,
        color,
    } = cli::invocation();
    let mut messages = Messages::new(verbosity, color);
    let started = Instant::now();
    if let Some(check) = &check {
        return run_check(&config, check, messages);
    }

    let result = analysis::trace(&config).and_then(|trace| {
        progress::shown(!messages.is_quiet(), |files| {
            analysis::run(&config, trace.as_ref(), files)
        })
    });
    let report = match result {
        Ok(report) => report,
        Err(error) => {
            messages.error(&error.to_string());
            return ExitCode::from(error.command_status().unwrap_or(NO_LIST));
        }
    };
    let text = match &format {
        Format::List => report.list(),
        Format::Versions => match report.list_with_versions() {
            Ok(list) => list,
            Err(error) => return fail(&mut messages, &error.to_string()),
        },
        Format::Json => match json::document(&report) {
            Ok(document) => document,
            Err(error) => return fail(&mut messages, &error.to_string()),
        },
        Format::Explain(name) => match explain::text(&report, name.as_deref()) {
            Ok(text) => text,
            Err(error) => {
                let is_directory = name.as_ref().is_some_and(|name| Path::new(name).is_dir());
                let may_look_up = config.lookup == Lookup::Machine && report.lacks_packages();
                let advice = error.advice(is_directory, may_look_up);
                return fail(&mut messages, &format!("{error}{advice}"));
            }
        },
    };
    messages.report(&report, is_strict, started.elapsed());

    let mut stdout = anstream::AutoStream::new(std::io::stdout().lock(), color.into());
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        // The reader closed the pipe: not an error (`find-libdeps | head -1`).
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            fail(&mut messages, &format!("cannot write the list: {error}"))
        }
        _ if is_strict && report.has_objections() => ExitCode::from(OBJECTIONS),
        _ => ExitCode::SUCCESS,
    }
}

/// Checks a tree in the final image, or lists the files that it needs there.
fn run_check(config: &Config, check: &Check, mut messages: Messages) -> ExitCode {
    let result = progress::shown(!messages.is_quiet(), |files| match check {
        Check::Failures { expect, .. } => {
            analysis::check(config, expect.as_deref(), files).map(|checked| (checked, Vec::new()))
        }
        Check::Files => analysis::files(config, files),
    });
    let (checked, files) = match result {
        Ok(result) => result,
        Err(error) => return fail(&mut messages, &error.to_string()),
    };
    messages.failures(&checked);
    let is_json = matches!(check, Check::Failures { is_json: true, .. });
    let text = if is_json {
        match failures::document(&checked) {
            Ok(document) => document.into_bytes(),
            Err(error) => return fail(&mut messages, &error.to_string()),
        }
    } else if checked.failures.is_empty() {
        failures::lines(&files)
    } else {
        Vec::new()
    };
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(&text).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            fail(&mut messages, &format!("cannot write the result: {error}"))
        }
        _ if !checked.failures.is_empty() => ExitCode::from(OBJECTIONS),
        _ => ExitCode::SUCCESS,
    }
}

fn fail(messages: &mut Messages, error: &str) -> ExitCode {
    messages.error(error);
    ExitCode::from(NO_LIST)
}
