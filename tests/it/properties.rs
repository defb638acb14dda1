//! What holds of every project, whatever is in it: results do not depend on how files are split and
//! ordered, nor on where and by whom meshctl is run; plans can be saved, shown and applied.

use crate::examples::names;
use crate::support::root;
use crate::support::sandbox::Sandbox;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use toml_edit::{DocumentMut, Item, Table};

/// Numbers that look like chance and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        // The generator is SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % limit as u64).unwrap()
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// An example in a sandbox, with a target that gives steps no time.
fn example(name: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    for entry in fs::read_dir(root().join("examples").join(name)).unwrap() {
        let path = entry.unwrap().path();
        // The expectations are no part of the mesh.
        if path.is_dir() {
            continue;
        }
        let file = path.file_name().unwrap().to_str().unwrap();
        let mut text = fs::read_to_string(&path).unwrap();
        if file == "meshctl.toml" {
            text = text.replace("[targets.local]\ndirectory = \"live\"\n", "");
            text.push_str("\n[targets.local]\ndirectory = \"live\"\nsettle = \"0s\"\n");
        }
        sandbox.write(&format!("project/{file}"), text);
    }
    sandbox
}

fn run(sandbox: &Sandbox, args: &[&str], code: i32) -> String {
    sandbox.run(&[&["-C", "project"], args].concat()).exits(code).stdout
}

/// All files under a folder by their relative paths; links are not followed.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut todo = vec![folder.to_path_buf()];
    while let Some(next) = todo.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let kind = fs::symlink_metadata(&path).unwrap().file_type();
            let relative = path.strip_prefix(folder).unwrap().to_path_buf();
            if kind.is_dir() {
                todo.push(path);
            } else if kind.is_symlink() {
                let to = fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes();
                files.insert(relative, to);
            } else {
                files.insert(relative, fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// The definitions of a text, each as a text of its own with its keys in another order. What is in
/// an array keeps its order, which has a meaning.
fn definitions(text: &str, dice: &mut Dice) -> Vec<String> {
    let document: DocumentMut = text.parse().unwrap();
    let mut all = Vec::new();
    for (kind, item) in document.iter() {
        let table = item.as_table().unwrap_or_else(|| panic!("{kind} is no table"));
        if kind == "mesh" {
            all.push(alone(kind, None, table, dice));
            continue;
        }
        for (name, definition) in table {
            let definition = definition.as_table().unwrap_or_else(|| panic!("{kind}.{name}"));
            all.push(alone(kind, Some(name), definition, dice));
        }
    }
    all
}

/// A document that holds nothing but this table.
fn alone(kind: &str, name: Option<&str>, table: &Table, dice: &mut Dice) -> String {
    let mut document = DocumentMut::new();
    let item = Item::Table(shuffled(table, dice));
    match name {
        None => document.insert(kind, item),
        Some(name) => {
            let mut outer = Table::new();
            outer.set_implicit(true);
            outer.insert(name, item);
            document.insert(kind, Item::Table(outer))
        }
    };
    document.to_string()
}

/// The table with its keys in another order, and so for the tables in it.
fn shuffled(table: &Table, dice: &mut Dice) -> Table {
    let mut keys: Vec<String> = table.iter().map(|(key, _)| key.to_owned()).collect();
    dice.shuffle(&mut keys);
    let mut copy = Table::new();
    copy.set_implicit(table.is_implicit());
    copy.set_dotted(table.is_dotted());
    for key in keys {
        let item = match &table[&key] {
            Item::Table(inner) => Item::Table(shuffled(inner, dice)),
            Item::ArrayOfTables(array) => {
                Item::ArrayOfTables(array.iter().map(|inner| shuffled(inner, dice)).collect())
            }
            other => other.clone(),
        };
        copy.insert(&key, item);
    }
    copy
}

/// Writes the project's definitions anew, in another order and into other files.
fn scatter(sandbox: &Sandbox, seed: u64) {
    let mut dice = Dice(seed);
    let folder = sandbox.join("project");
    let mut all = Vec::new();
    for (path, text) in tree(&folder) {
        let live = path.starts_with("live") || path.starts_with("env");
        if live || path.extension().is_none_or(|e| e != "toml") || path.ends_with("meshctl.toml") {
            continue;
        }
        all.extend(definitions(std::str::from_utf8(&text).unwrap(), &mut dice));
        fs::remove_file(folder.join(path)).unwrap();
    }
    dice.shuffle(&mut all);
    let count = 1 + dice.below(all.len());
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for definition in all {
        let file = dice.below(count);
        let place = ["", "sub/", "z/deep/"][file % 3];
        let text = files.entry(format!("{place}{:03}.toml", (file * 37) % 101)).or_default();
        text.push_str(&definition);
        text.push('\n');
    }
    for (file, text) in files {
        sandbox.write(&format!("project/{file}"), text);
    }
}

/// A plan as JSON without what is about the files rather than about the mesh.
fn without_places(plan: &str) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(map) => {
                for key in ["origin", "sources", "location", "checksum"] {
                    map.remove(key);
                }
                map.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut plan = serde_json::from_str(plan).unwrap();
    strip(&mut plan);
    plan
}

fn digest(plan: &str) -> String {
    let plan: Value = serde_json::from_str(plan).unwrap();
    plan["digest"].as_str().unwrap().to_owned()
}

#[test]
fn no_example_has_a_finding_and_each_is_formatted() {
    for name in names() {
        let sandbox = example(&name);
        run(&sandbox, &["check", "--fail-on", "info"], 0);
        let folder = root().join("examples").join(&name);
        sandbox.run(&["-C", folder.to_str().unwrap(), "fmt", "--check"]).exits(0);
    }
}

#[test]
fn the_order_and_the_split_of_definitions_change_no_byte_and_no_digest() {
    for name in names() {
        let sandbox = example(&name);
        let rendered = run(&sandbox, &["render"], 0);
        let plan = run(&sandbox, &["plan", "--format", "json"], 0);
        let mut layouts = BTreeSet::new();
        for seed in 1..=4 {
            scatter(&sandbox, seed);
            // Scattering loses comments, and with them what remarks are allowed by.
            run(&sandbox, &["check", "--fail-on", "warning"], 0);
            assert_eq!(run(&sandbox, &["render"], 0), rendered, "{name} {seed}");
            let now = run(&sandbox, &["plan", "--format", "json"], 0);
            assert_eq!(without_places(&now), without_places(&plan), "{name} {seed}");
            assert_eq!(digest(&now), digest(&plan), "{name} {seed}");
            layouts.insert(tree(&sandbox.join("project")));
        }
        assert!(layouts.len() > 2, "{name}: the files were hardly scattered");
        // What is live is the same mesh, too.
        run(&sandbox, &["apply", "--yes"], 0);
        scatter(&sandbox, 9);
        run(&sandbox, &["plan", "--detailed-exitcode"], 0);
    }
}

#[test]
fn the_order_of_routes_counts() {
    let sandbox = example("shop");
    run(&sandbox, &["apply", "--yes"], 0);
    // Its routes take different paths, so that either order is a good one.
    let file = "project/catalog.toml";
    let text = fs::read_to_string(sandbox.join(file)).unwrap();
    let mut document: DocumentMut = text.parse().unwrap();
    let routers = document["virtual_router"].as_table_mut().unwrap();
    let (_, router) = routers.iter_mut().next().unwrap();
    let routes = router["routes"].as_array_of_tables_mut().unwrap();
    let first = routes.get(0).unwrap().clone();
    routes.remove(0);
    routes.push(first);
    // Tables are written where they stood, unless their place is forgotten.
    for (place, route) in (1000..).zip(routes.iter_mut()) {
        route.set_position(Some(place));
    }
    sandbox.write(file, document.to_string());
    run(&sandbox, &["plan", "--detailed-exitcode"], 2);
}

/// A project of the shop that is applied and then changed in two places.
fn changed_shop() -> Sandbox {
    let sandbox = example("shop");
    run(&sandbox, &["apply", "--yes"], 0);
    edit(&sandbox, "cart.toml");
    edit(&sandbox, "catalog.toml");
    sandbox
}

/// Adds a node that nobody calls to a file of the shop.
fn edit(sandbox: &Sandbox, file: &str) {
    let path = sandbox.join("project").join(file);
    let mut text = fs::read_to_string(&path).unwrap();
    let name = file.trim_end_matches(".toml");
    text.push_str(&format!("\n[virtual_node.new-{name}]\nlisteners = [{{ port = 80, "));
    text.push_str(&format!(
        "protocol = \"http\" }}]\ndiscovery = {{ dns = \"{name}.new.internal\" }}\n"
    ));
    fs::write(path, text).unwrap();
}

#[test]
fn neither_folder_nor_home_nor_language_nor_width_changes_a_result() {
    let sandbox = changed_shop();
    // Paths in annotations are those of the repository.
    fs::create_dir(sandbox.join(".git")).unwrap();
    let other = tempfile::tempdir().unwrap();
    let project = sandbox.join("project");
    let project = project.to_str().unwrap();
    for args in [
        &["plan"][..],
        &["plan", "--format", "json"],
        &["plan", "--format", "markdown"],
        &["plan", "--format", "github"],
        &["render"],
        &["render", "--format", "json"],
        &["check", "--format", "github"],
        &["status", "--format", "json"],
    ] {
        let here = run(&sandbox, args, 0);
        assert_eq!(run(&sandbox, args, 0), here, "{args:?} twice");
        // What people read names files, and the call that applies a plan names the project, from
        // where the command was called.
        let placed = args == ["plan"] || args == ["plan", "--format", "markdown"];
        let (project, folder) =
            if placed { ("project", sandbox.path()) } else { (project, other.path()) };
        let again = sandbox.run(&[&["-C", project], args].concat()).exits(0).stdout;
        assert_eq!(again, here, "{args:?} with another path");
        if !placed {
            let mut within = sandbox.command(args);
            let within = within.current_dir(project).output().unwrap();
            assert_eq!(String::from_utf8(within.stdout).unwrap(), here, "{args:?} in the folder");
        }
        let mut elsewhere = sandbox.command(&[&["-C", project], args].concat());
        elsewhere
            .current_dir(folder)
            .env("HOME", other.path())
            .env("LANG", "tr_TR.UTF-8")
            .env("LC_ALL", "tr_TR.UTF-8")
            .env("TZ", "Pacific/Kiritimati")
            .env("COLUMNS", "40")
            .env("USER", "somebody");
        let elsewhere = String::from_utf8(elsewhere.output().unwrap().stdout).unwrap();
        assert_eq!(elsewhere, here, "{args:?} elsewhere");
    }
    assert_eq!(fs::read_dir(other.path()).unwrap().count(), 0, "something was left behind");
}

#[test]
fn looking_writes_nothing() {
    let sandbox = changed_shop();
    let before = tree(sandbox.path());
    for args in [
        &["check"][..],
        &["plan"],
        &["render"],
        &["status"],
        &["history"],
        &["drift"],
        &["get"],
        &["diff", "live", "."],
        &["show", "rev:1"],
        &["bootstrap", "virtual_node/cart-v1"],
        &["wait"],
        &["explain"],
    ] {
        sandbox.run(&[&["-C", "project"], args].concat());
        assert!(tree(sandbox.path()) == before, "{args:?} has written something");
    }
}

#[test]
fn a_saved_plan_is_shown_and_applied_as_it_was_made() {
    let sandbox = changed_shop();
    let made = run(&sandbox, &["plan", "-o", "saved.json"], 0);
    assert_eq!(run(&sandbox, &["show", "saved.json"], 0), made);
    run(&sandbox, &["apply", "saved.json", "--yes"], 0);
    run(&sandbox, &["plan", "--detailed-exitcode"], 0);
    // What it read is no longer so.
    let ran = sandbox.run(&["-C", "project", "apply", "saved.json", "--yes"]).exits(5);
    assert!(ran.stderr.contains("virtual_node/new-cart"), "{}", ran.all());
}

#[test]
fn a_saved_plan_survives_changes_of_what_it_did_not_read() {
    let sandbox = changed_shop();
    run(&sandbox, &["plan", "--only", "virtual_node/new-cart", "-o", "saved.json"], 0);
    run(&sandbox, &["apply", "--only", "virtual_node/new-catalog", "--yes"], 0);
    run(&sandbox, &["apply", "saved.json", "--yes"], 0);
    run(&sandbox, &["plan", "--detailed-exitcode"], 0);
    run(&sandbox, &["drift", "--detailed-exitcode"], 0);
}

#[test]
fn after_a_rollback_the_files_of_that_time_are_live_again() {
    let sandbox = example("shop");
    let then: Vec<(PathBuf, Vec<u8>)> = tree(&sandbox.join("project")).into_iter().collect();
    run(&sandbox, &["apply", "--yes"], 0);
    edit(&sandbox, "cart.toml");
    run(&sandbox, &["apply", "--yes"], 0);
    run(&sandbox, &["plan", "--detailed-exitcode"], 0);
    run(&sandbox, &["rollback", "--yes"], 0);
    run(&sandbox, &["plan", "--detailed-exitcode"], 2);
    for (path, text) in then {
        fs::write(sandbox.join("project").join(path), text).unwrap();
    }
    run(&sandbox, &["plan", "--detailed-exitcode"], 0);
    run(&sandbox, &["drift", "--detailed-exitcode"], 0);
}

#[test]
fn a_digest_that_was_reviewed_is_the_only_one_that_is_applied() {
    let sandbox = changed_shop();
    let reviewed = digest(&run(&sandbox, &["plan", "--format", "json"], 0));
    let short = &reviewed[..35];
    edit(&sandbox, "checkout.toml");
    let before = tree(&sandbox.join("project/live"));
    for expected in [reviewed.as_str(), short] {
        run(&sandbox, &["apply", "--yes", "--expect", expected], 5);
    }
    assert!(tree(&sandbox.join("project/live")) == before);
    let now = digest(&run(&sandbox, &["plan", "--format", "json"], 0));
    run(&sandbox, &["apply", "--yes", "--expect", &now[..35]], 0);
    run(&sandbox, &["plan", "--detailed-exitcode"], 0);
}

#[test]
fn a_plan_names_the_overlay_that_it_was_made_with() {
    let sandbox = changed_shop();
    let overlay = "[virtual_node.new-cart]\ndiscovery = { dns = \"cart.prod.internal\" }\n";
    sandbox.write("project/env/prod.toml", overlay);
    let text = run(&sandbox, &["plan", "--env", "prod"], 0);
    assert!(text.starts_with("shop on local, overlay prod (revision 1)"), "{text}");
    assert!(text.contains("meshctl apply -C project --env prod --expect p2-"), "{text}");
    let plain = run(&sandbox, &["plan"], 0);
    assert!(!plain.contains("prod"), "{plain}");
    let markdown = run(&sandbox, &["plan", "--env", "prod", "--format", "markdown"], 0);
    assert!(markdown.contains("prod"), "{markdown}");
    let json = run(&sandbox, &["plan", "--env", "prod", "--format", "json"], 0);
    assert!(json.contains("\"env/prod.toml\""), "{json}");
}

#[test]
fn one_changed_byte_of_rendered_files_is_shown() {
    for name in names() {
        let sandbox = example(&name);
        run(&sandbox, &["render", "-o", "out", "--source-map"], 0);
        run(&sandbox, &["render", "-o", "out", "--source-map", "--check"], 0);
        let files = tree(&sandbox.join("out"));
        let dice = &mut Dice(7);
        let (path, bytes) = files.iter().nth(dice.below(files.len())).unwrap();
        let mut spoiled = bytes.clone();
        let at = dice.below(spoiled.len() / 2) + spoiled.len() / 4;
        spoiled[at] = if spoiled[at] == b'x' { b'y' } else { b'x' };
        fs::write(sandbox.join("out").join(path), spoiled).unwrap();
        let diff = run(&sandbox, &["render", "-o", "out", "--source-map", "--check"], 2);
        assert!(diff.contains(&format!("--- a/{}", path.display())), "{name}: {diff}");
        assert_eq!(diff.matches("--- a/").count(), 1, "{name}: {diff}");
        run(&sandbox, &["render", "-o", "out", "--source-map"], 0);
        assert!(tree(&sandbox.join("out")) == files, "{name}");
    }
}

#[test]
fn the_history_names_who_did_it() {
    let sandbox = example("shop");
    let apply = |user: &[(&str, &str)], number: u64| {
        edit(&sandbox, if number == 1 { "cart.toml" } else { "catalog.toml" });
        let mut command = sandbox.command(&["-C", "project", "apply", "--yes"]);
        for (name, value) in user {
            command.env(name, value);
        }
        assert!(command.output().unwrap().status.success());
        run(&sandbox, &["history", "-n", "1"], 0)
    };
    assert!(apply(&[("USER", ""), ("LOGNAME", "fred")], 1).contains("  fred "));
    assert!(apply(&[("USER", "an\u{1b}[31mna\n")], 2).contains("  an[31mna "));
}
