//! What is asked for again under a key that has become a revision: its rollout goes on, or back.

use crate::directory::mesh;
use crate::serve::Server;
use crate::support::plane::Mood;
use serde_json::Value;
use std::fs;
use std::time::{Duration, Instant};

const KEY: &str = "a-key-of-this-test";

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Waits until the server has told the end of what it did by itself.
fn own_end(server: &Server) -> Value {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let log = fs::read_to_string(server.folder().join("audit.ndjson")).unwrap();
        if let Some(line) = log.lines().map(json).find(|line| line["actor"] == "server") {
            return line;
        }
        assert!(Instant::now() < deadline, "{log}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_key_that_has_become_a_revision_can_still_bring_it_back() {
    let mut server = Server::with(1);
    let sandbox = server.project(1);
    sandbox.run(&["apply", "--yes"]).exits(0);

    // Committed, and nobody says anything to it.
    server.plane().becomes(Mood::Silent);
    sandbox.write("mesh.toml", mesh(2));
    let accept = "MC0908@route/cart/all";
    let apply =
        ["apply", "--yes", "--key", KEY, "--wait", "200ms", "--format", "json", "--accept", accept];
    assert_eq!(json(&sandbox.run(&apply).exits(7).stdout)["end"], "late");

    // The server is started again, goes on as it was asked to, and waits no longer than that.
    server.stop();
    server.start_with(1, Mood::Silent);
    sandbox.write("meshctl.toml", server.target());
    let end = own_end(&server);
    assert_eq!((&end["verb"], &end["end"]), (&"resume".into(), &"late".into()), "{end:#}");
    assert_eq!(end["key"], Value::Null, "{end:#}");
    let status = sandbox.run(&["status"]).exits(0);
    assert!(status.stdout.contains("step 1 of 1 (switch) in force"), "{}", status.stdout);
    assert!(status.stderr.contains("apply --resume"), "{}", status.stderr);

    // Asked for again under its key it is refused, and the way back is a commit of its own.
    server.plane().becomes(Mood::Refuse(2));
    let again = json(&sandbox.run(&apply).exits(7).stdout);
    assert_eq!(
        (&again["end"], &again["revision"]),
        (&"rolled_back".into(), &3.into()),
        "{again:#}"
    );
    sandbox.write("mesh.toml", mesh(1));
    sandbox.run(&["plan", "--detailed-exitcode"]).exits(0);
    // And that is what the key tells from now on, whatever the files say.
    let told = json(&sandbox.run(&apply).exits(7).stdout);
    assert_eq!((&told["end"], &told["revision"]), (&"rolled_back".into(), &3.into()), "{told:#}");
}
