//! From parsed files to one mesh: files are joined, an overlay is laid over them, and what was
//! suppressed in place is taken out of the findings.
#![deny(clippy::disallowed_methods)]

pub mod codes;
mod join;
mod overlay;
mod suppress;

pub use codes::CODES;
pub use suppress::{Date, Suppressions};

use crate::diag::Diagnostics;
use crate::schema::{Node, Reading, read_mesh};

/// Joins the files of a project, lays the overlays over them in turn and reads the mesh.
///
/// All findings so far are in the reading's diagnostics. `files` must be in the order of their
/// paths, so that a conflict names the same file first on every machine.
pub fn resolve(files: Vec<Node>, overlays: Vec<Node>) -> Reading {
    let mut diagnostics = Diagnostics::default();
    let mut root = join::join(files, &mut diagnostics);
    for overlay in overlays {
        overlay::apply(&mut root, overlay, &mut diagnostics);
    }
    let mut reading = read_mesh(&root);
    reading.diagnostics.append(diagnostics);
    reading
}
