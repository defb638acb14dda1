//! Golden files: compared with what the program says now; `UPDATE_GOLDEN=1` rewrites them.

use meshctl::span::{FileId, Files};
use similar::TextDiff;
use std::fs;
use std::path::Path;

/// Has files shown by their paths in the project, wherever the test put that.
pub(crate) fn in_project(files: &mut Files) {
    let all: Vec<(FileId, String)> =
        files.iter().map(|(id, file)| (id, file.path().to_owned())).collect();
    for (id, path) in all {
        files.locate(id, path.clone(), path);
    }
}

/// Compares a text with a golden file.
pub(crate) fn check(path: &Path, actual: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, actual).unwrap();
        return;
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    if expected != actual {
        let diff = TextDiff::from_lines(&expected, actual)
            .unified_diff()
            .context_radius(3)
            .header("golden", "actual")
            .to_string();
        panic!(
            "{} is out of step; look at the difference, then run UPDATE_GOLDEN=1 cargo test\n{diff}",
            path.display()
        );
    }
}
