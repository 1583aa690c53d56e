//! A web server for a test, which answers as the test says.

use std::collections::HashMap;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This status, and no file.
    Status(&'static str),
    /// The file with one byte more.
    Longer,
    /// The file with its first byte changed.
    Changed,
}

/// Says what is wrong with the answer for a path that is asked for the nth time, from 1.
type Faults = dyn Fn(&str, usize) -> Option<Fault> + Send + Sync;

/// Serves the files of a directory, until the test program ends.
pub struct Http {
    port: u16,
}

impl Http {
    /// Serves `dir`, with these faults.
    pub fn serve(
        dir: &Path,
        faults: impl Fn(&str, usize) -> Option<Fault> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let server = Arc::new(Server {
            dir: dir.to_owned(),
            faults: Box::new(faults),
            asked: Mutex::default(),
        });
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = Arc::clone(&server);
                // The other side may end a connection at any time.
                thread::spawn(move || drop(server.answer(&stream)));
            }
        });
        Self { port }
    }

    /// The line for `sources.list` that names `suite`.
    pub fn source(&self, suite: &str, options: &str) -> String {
        let port = self.port;
        format!("deb {options} http://127.0.0.1:{port}/{suite} ./\n")
    }
}

struct Server {
    dir: PathBuf,
    faults: Box<Faults>,
    asked: Mutex<HashMap<String, usize>>,
}

impl Server {
    fn answer(&self, stream: &TcpStream) -> io::Result<()> {
        let mut lines = BufReader::new(stream).lines();
        while let Some(line) = lines.next() {
            let request = line?;
            for header in lines.by_ref() {
                if header?.is_empty() {
                    break;
                }
            }
            let path = request.split(' ').nth(1).unwrap_or_default();
            let (status, body) = self.file(path);
            let length = body.len();
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n");
            let mut stream = stream;
            stream.write_all(&[head.as_bytes(), &body].concat())?;
        }
        Ok(())
    }

    fn file(&self, path: &str) -> (&'static str, Vec<u8>) {
        let count = {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            let count = asked.entry(path.to_owned()).or_default();
            *count += 1;
            *count
        };
        let fault = (self.faults)(path, count);
        if let Some(Fault::Status(status)) = fault {
            // apt tries again after a status of 5xx only if a page comes with it.
            return (status, status.into());
        }
        match fs::read(self.dir.join(path.trim_start_matches('/'))) {
            Err(_) => ("404 Not Found", b"Not Found".to_vec()),
            Ok(mut body) => {
                match (fault, body.first_mut()) {
                    (Some(Fault::Longer), _) => body.push(b'\n'),
                    (Some(Fault::Changed), Some(first)) => *first ^= 1,
                    _ => {}
                }
                ("200 OK", body)
            }
        }
    }
}
