//! Something that answers as Envoy's admin interface does, told by the test what to take.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

/// What the fake does with files that have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Takes them.
    Takes,
    /// Refuses those of one kind (`lds`, `rds` …) whose text has this in it.
    Refuses(&'static str, String),
    /// Does not look.
    Sleeps,
}

#[derive(Debug)]
struct State {
    folder: PathBuf,
    mood: Mood,
    /// By file: the version taken, the last version looked at, how many were refused.
    seen: BTreeMap<String, (Option<String>, Option<String>, u64)>,
}

/// A fake Envoy for one proxy of a directory target.
#[derive(Clone, Debug)]
pub(crate) struct FakeEnvoy {
    state: Arc<Mutex<State>>,
    /// Its admin address.
    pub(crate) address: String,
}

impl FakeEnvoy {
    /// Starts one that reads the folder of a proxy in the step in force.
    pub(crate) fn start(root: &Path, proxy: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let folder = root.join("current").join(proxy);
        let state = State { folder, mood: Mood::Takes, seen: BTreeMap::new() };
        let fake = Self { state: Arc::new(Mutex::new(state)), address };
        let shared = fake.state.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(stream), shared) = (stream, shared.clone()) else { continue };
                thread::spawn(move || serve(stream, &shared));
            }
        });
        fake
    }

    /// Changes what it does.
    pub(crate) fn is(&self, mood: Mood) {
        self.state.lock().unwrap().mood = mood;
    }

    /// The version that it has taken of a file.
    pub(crate) fn taken(&self, file: &str) -> Option<String> {
        self.state.lock().unwrap().seen.get(file).and_then(|seen| seen.0.clone())
    }
}

fn serve(stream: TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        let mut line = String::new();
        while reader.read_line(&mut line).unwrap_or(0) > 2 {
            line.clear();
        }
        let body = match first.contains("/stats") {
            true => stats(&mut state.lock().unwrap()),
            // What Envoy says after it has refused some kinds of resource, with status 200.
            false => "Failed to convert protobuf message to JSON string".to_owned(),
        };
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        if stream.write_all(format!("{head}{body}").as_bytes()).is_err() {
            return;
        }
    }
}

fn stats(state: &mut State) -> String {
    if state.mood != Mood::Sleeps {
        look(state);
    }
    let mut text = String::from(
        "cluster_manager.warming_clusters: 0\nlistener_manager.total_listeners_warming: 0\n",
    );
    for (file, (taken, _, refused)) in &state.seen {
        let name = file.trim_end_matches(".yaml");
        let stat = match name.split_once('/') {
            None if name == "lds" => "listener_manager.lds".to_owned(),
            None => "cluster_manager.cds".to_owned(),
            Some(("rds", name)) => format!("http.ingress.rds.{name}"),
            Some(("eds", name)) => format!("cluster.{name}"),
            Some((_, name)) => format!("sds.{name}"),
        };
        let taken = taken.as_deref().unwrap_or_default();
        text.push_str(&format!("{stat}.version_text: \"{taken}\"\n"));
        text.push_str(&format!("{stat}.update_rejected: {refused}\n"));
    }
    text
}

fn look(state: &mut State) {
    let mut files = vec!["lds.yaml".to_owned(), "cds.yaml".to_owned()];
    for kind in ["rds", "eds", "sds"] {
        for entry in fs::read_dir(state.folder.join(kind)).into_iter().flatten().flatten() {
            files.push(format!("{kind}/{}", entry.file_name().to_str().unwrap()));
        }
    }
    for file in files {
        let Ok(text) = fs::read_to_string(state.folder.join(&file)) else { continue };
        let first = text.lines().next().unwrap_or_default();
        let version = first.trim_start_matches("version_info: ").trim_matches('"').to_owned();
        let refuses = matches!(&state.mood, Mood::Refuses(kind, word)
            if file.starts_with(kind) && text.contains(word.as_str()));
        let seen = state.seen.entry(file).or_default();
        if seen.1.as_ref() == Some(&version) {
            continue;
        }
        seen.1 = Some(version.clone());
        match refuses {
            true => seen.2 += 1,
            false => seen.0 = Some(version),
        }
    }
}
