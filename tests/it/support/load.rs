//! Load by wrk, and what servers tell of themselves meanwhile.

use rustix::process::{Pid, Signal, kill_process};
use std::fmt;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long wrk calls if nobody stops it.
const AT_MOST: Duration = Duration::from_secs(900);

/// A wrk that calls until it is stopped.
pub(crate) struct Load {
    wrk: Option<Child>,
}

/// What wrk told.
pub(crate) struct Told(String);

impl Load {
    /// Calls a URL over so many connections, as fast as answers come.
    pub(crate) fn start(url: &str, connections: u32) -> Self {
        let wrk = Command::new("wrk")
            .args(["-t1", &format!("-c{connections}"), "--latency"])
            .args([&format!("-d{}s", AT_MOST.as_secs()), url])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self { wrk: Some(wrk) }
    }

    /// Stops it, and gives what it counted.
    pub(crate) fn stop(mut self) -> Told {
        let wrk = self.wrk.take().unwrap();
        // On SIGINT it ends, and tells.
        kill_process(Pid::from_child(&wrk), Signal::INT).unwrap();
        Told(String::from_utf8(wrk.wait_with_output().unwrap().stdout).unwrap())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        if let Some(wrk) = &mut self.wrk {
            let _ = wrk.kill();
            let _ = wrk.wait();
        }
    }
}

impl Told {
    /// How many requests were answered.
    pub(crate) fn requests(&self) -> u64 {
        let line = self.0.lines().find(|line| line.contains(" requests in "));
        let count = line.and_then(|line| line.split_whitespace().next());
        count.and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("{self}"))
    }

    /// Fails if a request failed: an answer that is not 2xx, or a connection that broke.
    #[track_caller]
    pub(crate) fn lost_nothing(&self) {
        assert!(self.requests() > 0, "{self}");
        assert!(!self.0.contains("Non-2xx"), "{self}");
        assert!(!self.0.contains("Socket errors"), "{self}");
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.trim_end())
    }
}

/// A figure of a control plane's `/metrics`.
#[track_caller]
pub(crate) fn figure(admin: &str, name: &str) -> u64 {
    let mut stream = TcpStream::connect(admin).unwrap();
    write!(stream, "GET /metrics HTTP/1.0\r\nhost: {admin}\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name}: {text}"))
}

/// The memory of a process, in MiB.
pub(crate) fn memory(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1_024
}
