//! The program: arguments in, a list of packages and an exit status out.

use find_libdeps::cli::{self, Format, Invocation};
use find_libdeps::report::messages::Messages;
use find_libdeps::report::{explain, json, progress};
use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;
use std::time::Instant;

const OBJECTIONS: u8 = 1;
const NO_LIST: u8 = 2;

fn main() -> ExitCode {
    let Invocation {
        config,
        format,
        is_strict,
        verbosity,
        color,
    } = cli::invocation();
    let mut messages = Messages::new(verbosity, color);
    let started = Instant::now();

    let result = find_libdeps::analysis::trace(&config).and_then(|trace| {
        progress::shown(!messages.is_quiet(), |files| {
            find_libdeps::analysis::run(&config, trace.as_ref(), files)
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
            Err(error) => return fail(&mut messages, &error.to_string()),
        },
    };
    messages.report(&report, started.elapsed());

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

fn fail(messages: &mut Messages, error: &str) -> ExitCode {
    messages.error(error);
    ExitCode::from(NO_LIST)
}
