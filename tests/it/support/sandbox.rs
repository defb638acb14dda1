//! A temporary folder and a meshctl that sees no more of the machine than it must.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder of its own for one test.
pub(crate) struct Sandbox {
    dir: tempfile::TempDir,
}

/// What a run of meshctl gave.
#[derive(Debug)]
pub(crate) struct Ran {
    /// What it printed as its result.
    pub(crate) stdout: String,
    /// What it said to people.
    pub(crate) stderr: String,
    /// Its exit code; -1 if a signal ended it.
    pub(crate) code: i32,
}

impl Ran {
    /// What an output says.
    pub(crate) fn new(output: Output) -> Self {
        Self {
            stdout: String::from_utf8(output.stdout).expect("stdout is text"),
            stderr: String::from_utf8(output.stderr).expect("stderr is text"),
            code: output.status.code().unwrap_or(-1),
        }
    }

    /// Fails unless the exit code is this one; shows what was said.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// All three in one text, for golden files.
    pub(crate) fn all(&self) -> String {
        format!("{}--- stderr ---\n{}--- exit {} ---\n", self.stdout, self.stderr, self.code)
    }
}

impl Sandbox {
    /// An empty folder.
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// A folder that holds a project with this mesh.
    pub(crate) fn with_mesh(mesh: &str) -> Self {
        let sandbox = Self::new();
        sandbox.write("meshctl.toml", "[targets.local]\ndirectory = \"live\"\n");
        sandbox.write("mesh.toml", mesh);
        sandbox
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A path in the folder.
    pub(crate) fn join(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// Writes a file, with the folders that it needs.
    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        // As the tools that make keys do.
        if path.extension().is_some_and(|extension| extension == "key") {
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }

    /// Copies the files of an example of the repository, without those of its folders.
    pub(crate) fn example(&self, name: &str, at: &str) {
        for entry in fs::read_dir(super::root().join("examples").join(name)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let file = Path::new(at).join(path.file_name().unwrap());
                self.write(file.to_str().unwrap(), fs::read(&path).unwrap());
            }
        }
    }

    /// A meshctl that runs in the folder, with an environment made from nothing.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_meshctl"));
        command
            .args(args)
            .current_dir(self.path())
            .env_clear()
            .env("HOME", self.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(Stdio::null());
        command
    }

    /// Runs meshctl in the folder.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::new(self.command(args).output().unwrap())
    }
}
