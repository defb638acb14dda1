//! `init`: a project to start from.

use super::import::{How, import_to};
use super::{Context, Exit, Failure, Format};
use crate::diag::shell::word;
use crate::load::{self, PROJECT_FILE, TESTS_FOLDER};
use crate::model::MeshName;
use clap::Args;
use std::fs;
use std::path::PathBuf;

/// Make a project: a folder with meshctl.toml and a small mesh, or the one that App Mesh had
///
/// With --from, definitions of App Mesh are imported; the options about sources are those of import.
#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// The folder; made if it does not exist
    #[arg(default_value = ".")]
    dir: PathBuf,

    /// The mesh's name; the folder's name unless given
    #[arg(long)]
    name: Option<String>,

    /// App Mesh definitions to start from, as for `import`: files and folders
    #[arg(long, value_name = "SOURCE")]
    from: Vec<PathBuf>,

    #[command(flatten)]
    how: How,
}

const PROJECT: &str = r#"# A meshctl project: all TOML files below this folder together are one mesh.

default_target = "local"

[targets.local]
directory = "live"
"#;

const MESH: &str = r#"# Two nodes and a service: web may call hello.mesh.internal, and hello answers.

[mesh]
name = "NAME"
capture = "explicit"

[virtual_node.hello]
listeners = [{ port = 8080, protocol = "http", app = "127.0.0.1:18080" }]
discovery = { dns = "hello.example" }

[virtual_node.web]
backends = [{ service = "hello.mesh.internal", bind = 9001 }]

[virtual_service."hello.mesh.internal"]
router = "hello"

[virtual_router.hello]
listeners = [{ port = 8080, protocol = "http" }]

[[virtual_router.hello.routes]]
name = "all"
match = { prefix = "/" }
targets = { hello = 1 }
"#;

const TEST: &str = r#"# What becomes of requests: `meshctl test` holds it against the files.

[[test]]
name = "web reaches hello"
from = "virtual_node/web"
request = "GET http://hello.mesh.internal:8080/"
expect = { node = "hello" }

[[test]]
name = "web reaches nothing else"
from = "virtual_node/web"
request = "GET http://other.mesh.internal:8080/"
expect = { refused = true }
"#;

pub(super) fn run(context: &Context, args: &InitArgs) -> Result<Exit, Failure> {
    if !args.from.is_empty() {
        let how = args.how.named(args.name.as_deref());
        return import_to(context, &args.from, Some(&args.dir), None, &how);
    }
    context.format(&[Format::Text])?;
    let dir = match &context.global.directory {
        Some(outer) => outer.join(&args.dir),
        None => args.dir.clone(),
    };
    let failed = |error: std::io::Error| Failure::from_error(Exit::Failed, &error);
    let folder = fs::canonicalize(&dir).or_else(|_| std::path::absolute(&dir)).map_err(failed)?;
    let name = match &args.name {
        Some(name) => name.clone(),
        None => folder.file_name().map_or_else(|| "mesh".into(), |n| n.to_string_lossy().into()),
    };
    if let Err(why) = MeshName::new(name.clone()) {
        return Err(Failure::new(Exit::Usage, format!("`{name}` cannot name a mesh: {why}"))
            .hint("give a name: meshctl init --name shop"));
    }
    // The name has letters, digits, `-` and `_` only, so it needs no escaping.
    let test = format!("{TESTS_FOLDER}/hello.toml");
    let mesh = MESH.replace("NAME", &name);
    let files = [(PROJECT_FILE, PROJECT), ("mesh.toml", mesh.as_str()), (&test, TEST)];
    let written = load::create(&dir, files)
        .map_err(|(path, error)| Failure::not_created("init", &path, &error))?;
    for path in written {
        context.ui.status(&format!("Wrote {}.", path.display()));
    }
    let folder = dir.display().to_string();
    let folder = word(&folder);
    context.ui.hint(&format!("next: meshctl -C {folder} check && meshctl -C {folder} test"));
    Ok(Exit::Done)
}
