//! The store: laws of what is acknowledged, and files that are not as they were left.

use crate::directory::mesh as text;
use meshctl::model::{Mesh, MeshName, NodeName};
use meshctl::revision::{
    Commit, Entry, MANIFEST_FORMAT, Manifest, Meta, ObjectId, Rollout, StepId, join, split,
};
use meshctl::span::Files;
use meshctl::store::{Embedded, Error, Store, Terms};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier};
use std::thread;

fn mesh(weight: u32, name: &str) -> Mesh {
    let text = text(weight).replace("name = \"m\"", &format!("name = \"{name}\""));
    let mut all = Files::default();
    let id = all.add("m.toml", text.as_str());
    let (tree, diagnostics) = meshctl::schema::parse(id, &text);
    assert!(diagnostics.is_empty());
    meshctl::schema::read_mesh(&tree).mesh
}

fn name(text: &str) -> MeshName {
    MeshName::new(text).unwrap()
}

fn commit(mesh: &Mesh, revision: u64, parent: Option<u64>) -> Commit {
    let objects: BTreeMap<ObjectId, Value> =
        split(mesh).into_values().map(|value| (ObjectId::of(&value), value)).collect();
    let entries = split(mesh)
        .into_iter()
        .map(|(address, value)| {
            let entry = Entry { object: ObjectId::of(&value), owner: None, protected: false };
            (address, entry)
        })
        .collect();
    Commit {
        manifest: Manifest {
            format: MANIFEST_FORMAT,
            mesh: mesh.settings.name.clone(),
            revision,
            parent,
            plan: format!("p1-{revision}"),
            entries,
            meta: Meta { at: "2026-01-01T00:00:00Z".into(), by: "t".into(), summary: "s".into() },
        },
        objects,
        rollout: None,
    }
}

fn put(store: &Embedded, commit: &Commit, key: Option<&str>) -> Result<(), Error> {
    store.commit(commit, &Terms { key, settings: &json!({}) })
}

/// The mesh of a revision, put together from what the store has.
fn read(store: &Embedded, mesh: &MeshName, revision: u64) -> Result<Mesh, Error> {
    let manifest = store.manifest(mesh, revision)?;
    let ids = manifest.entries.values().map(|entry| entry.object.clone()).collect();
    let objects = store.objects(&ids)?;
    let resources = manifest
        .entries
        .iter()
        .map(|(address, entry)| (address.clone(), objects[&entry.object].clone()))
        .collect();
    Ok(join(&resources).unwrap())
}

/// A store with two meshes, one of two revisions.
fn filled(folder: &Path) -> PathBuf {
    let store = Embedded::open_or_create(folder).unwrap();
    put(&store, &commit(&mesh(1, "m"), 1, None), Some("first")).unwrap();
    put(&store, &commit(&mesh(2, "m"), 2, Some(1)), None).unwrap();
    put(&store, &commit(&mesh(7, "other"), 1, None), None).unwrap();
    store.path()
}

#[test]
fn what_was_committed_is_read_again_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("not/yet");
    filled(&data);
    let store = Embedded::open(&data).unwrap();
    assert_eq!(store.meshes().unwrap(), [name("m"), name("other")]);
    let m = name("m");
    assert_eq!(read(&store, &m, 1).unwrap(), mesh(1, "m"));
    assert_eq!(read(&store, &m, 2).unwrap(), mesh(2, "m"));
    assert_eq!(read(&store, &name("other"), 1).unwrap(), mesh(7, "other"));
    assert!(matches!(
        store.manifest(&m, 3),
        Err(Error::NoRevision { revision: 3, newest: Some(2) })
    ));
    let history = store.history(&m).unwrap();
    let numbers: Vec<u64> = history.iter().map(|header| header.revision).collect();
    assert_eq!(numbers, [2, 1]);
    assert_eq!(history[0].resources, split(&mesh(2, "m")).len());
    assert_eq!(store.head(&m).unwrap().unwrap().revision, 2);
    assert_eq!(store.head(&name("none")).unwrap(), None);
    drop(store);
    let checked = Embedded::check(&data).unwrap();
    assert_eq!(checked.meshes, [(m, (2, 2)), (name("other"), (1, 1))].into());
}

#[test]
fn a_head_moves_only_from_its_parent() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    let store = Embedded::open(folder.path()).unwrap();
    for (revision, parent, expected) in [(3, Some(1), Some(1)), (1, None, None), (3, None, None)] {
        let refused = put(&store, &commit(&mesh(9, "m"), revision, parent), Some("k"));
        assert!(
            matches!(refused, Err(Error::Stale { expected: e, found: Some(2) }) if e == expected),
            "{refused:?}"
        );
    }
    // A number that is there already is not written over, whatever the parent.
    let refused = put(&store, &commit(&mesh(9, "m"), 2, Some(2)), None);
    assert!(matches!(refused, Err(Error::Stale { .. })), "{refused:?}");
    // A refused commit leaves nothing, not even its key.
    assert_eq!(store.landed(&name("m"), "k").unwrap(), None);
    assert_eq!(read(&store, &name("m"), 2).unwrap(), mesh(2, "m"));
    // What is named and not there is no commit.
    let mut lacking = commit(&mesh(9, "m"), 3, Some(2));
    lacking.objects.clear();
    assert!(matches!(put(&store, &lacking, None), Err(Error::Incomplete { .. })));
    assert_eq!(store.head(&name("m")).unwrap().unwrap().revision, 2);
}

#[test]
fn a_key_commits_once() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    let store = Embedded::open(folder.path()).unwrap();
    let landed = store.landed(&name("m"), "first").unwrap().unwrap();
    assert_eq!((landed.plan.as_str(), landed.revision), ("p1-1", 1));
    let again = put(&store, &commit(&mesh(3, "m"), 3, Some(2)), Some("first"));
    assert!(matches!(again, Err(Error::Landed { revision: 1, .. })), "{again:?}");
    assert_eq!(store.head(&name("m")).unwrap().unwrap().revision, 2);
    // Keys are of one mesh.
    assert_eq!(store.landed(&name("other"), "first").unwrap(), None);
}

#[test]
fn progress_is_of_the_newest_revision_only() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    let store = Embedded::open(folder.path()).unwrap();
    let steps = vec!["add".into(), "switch".into()];
    let rollout = Rollout { arrived: 1, ..Rollout::new("p", Some(1), steps) };
    let step = Some(StepId { revision: 2, number: 1 });
    store.progress(&name("m"), 2, Some(&rollout), step).unwrap();
    let late = store.progress(&name("m"), 1, None, None);
    assert!(matches!(late, Err(Error::Stale { .. })), "{late:?}");
    drop(store);
    let store = Embedded::open(folder.path()).unwrap();
    let head = store.head(&name("m")).unwrap().unwrap();
    assert_eq!((head.rollout, head.in_force), (Some(rollout), step));
}

/// Before there were canaries a rollout did not say who goes first, nor how it was asked for.
#[test]
fn a_rollout_that_an_earlier_meshctl_began_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let file = filled(folder.path());
    let earlier = serde_json::json!({
        "plan": "p", "from": 1, "steps": ["add", "switch"], "arrived": 1,
    });
    {
        let database = redb::Database::open(&file).unwrap();
        let write = database.begin_write().unwrap();
        {
            use redb::ReadableTable as _;
            let heads = redb::TableDefinition::<&str, &[u8]>::new("heads");
            let mut heads = write.open_table(heads).unwrap();
            let row = heads.get("m").unwrap().unwrap().value().to_vec();
            let mut row: Value = serde_json::from_slice(&row).unwrap();
            row["rollout"] = earlier.clone();
            heads.insert("m", row.to_string().as_bytes()).unwrap();
        }
        write.commit().unwrap();
    }
    let store = Embedded::open(folder.path()).unwrap();
    let rollout = store.head(&name("m")).unwrap().unwrap().rollout.unwrap();
    let steps = vec!["add".into(), "switch".into()];
    assert_eq!(rollout, Rollout { arrived: 1, ..Rollout::new("p", Some(1), steps) });
    // What nobody asked for is not written, so an earlier one reads this one's as well.
    assert_eq!(serde_json::to_value(&rollout).unwrap(), earlier);
}

#[test]
fn of_sixteen_commits_on_one_parent_exactly_one_wins() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Embedded::open_or_create(folder.path()).unwrap());
    let m = name("m");
    for round in 0..100_u64 {
        let parent = round.checked_sub(1).map(|_| round);
        let barrier = Arc::new(Barrier::new(16));
        let rivals: Vec<_> = (0..16_u32)
            .map(|rival| {
                let (store, barrier) = (Arc::clone(&store), Arc::clone(&barrier));
                let wanted = commit(&mesh(100 + rival, "m"), round + 1, parent);
                thread::spawn(move || {
                    barrier.wait();
                    let key = format!("{round}-{rival}");
                    put(&store, &wanted, Some(&key)).map(|()| rival)
                })
            })
            .collect();
        let results: Vec<_> = rivals.into_iter().map(|rival| rival.join().unwrap()).collect();
        let winners: Vec<u32> = results.iter().flatten().copied().collect();
        assert_eq!(winners.len(), 1, "round {round}");
        for result in results {
            assert!(matches!(result, Ok(_) | Err(Error::Stale { .. })), "{result:?}");
        }
        assert_eq!(read(&store, &m, round + 1).unwrap(), mesh(100 + winners[0], "m"));
        for rival in 0..16 {
            let landed = store.landed(&m, &format!("{round}-{rival}")).unwrap();
            assert_eq!(landed.is_some(), rival == winners[0]);
        }
    }
    assert_eq!(store.history(&m).unwrap().len(), 100);
}

#[test]
fn a_revision_that_changes_little_takes_little_room() {
    let folder = tempfile::tempdir().unwrap();
    let store = Embedded::open_or_create(folder.path()).unwrap();
    let mut large = mesh(1, "m");
    let node = large.nodes.values().next().unwrap().clone();
    for number in 0..5_000 {
        large.nodes.insert(NodeName::new(format!("n{number}")).unwrap(), node.clone());
    }
    put(&store, &commit(&large, 1, None), None).unwrap();
    let before = fs::metadata(store.path()).unwrap().len();
    for revision in 2..22 {
        large.nodes.remove(&NodeName::new(format!("n{revision}")).unwrap());
        put(&store, &commit(&large, revision, Some(revision - 1)), None).unwrap();
    }
    assert_eq!(read(&store, &name("m"), 21).unwrap(), large);
    let grown = fs::metadata(store.path()).unwrap().len() - before;
    // All entries anew would be about 15 MB.
    assert!(grown < 4_000_000, "{grown} bytes for 20 revisions");
}

#[test]
fn only_the_owner_sees_the_files_whatever_the_umask() {
    let folder = tempfile::tempdir().unwrap();
    // The umask is of the process, so a child has its own.
    let data = folder.path().join("data");
    let script = format!(
        "umask 000; exec {} store restore {} --data {}",
        env!("CARGO_BIN_EXE_meshctl"),
        folder.path().join("backup").display(),
        data.display()
    );
    let store = Embedded::open_or_create(folder.path().join("first")).unwrap();
    put(&store, &commit(&mesh(1, "m"), 1, None), None).unwrap();
    store.backup(&folder.path().join("backup")).unwrap();
    let ran = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for entry in fs::read_dir(&data).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    assert_eq!(mode(&folder.path().join("backup")), 0o600);
}

#[test]
fn one_process_has_a_store_open() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    let open = Embedded::open(folder.path()).unwrap();
    assert!(matches!(Embedded::open(folder.path()), Err(Error::Busy { .. })));
    assert!(matches!(Embedded::check(folder.path()), Err(Error::Busy { .. })));
    drop(open);
    Embedded::open(folder.path()).unwrap();
    let none = folder.path().join("none");
    assert!(matches!(Embedded::open(&none), Err(Error::Missing { .. })));
    assert!(!none.exists(), "looking makes nothing");
}

#[test]
fn a_backup_is_made_while_the_store_is_written_and_comes_back_as_a_new_store() {
    let folder = tempfile::tempdir().unwrap();
    filled(&folder.path().join("data"));
    let store = Arc::new(Embedded::open(folder.path().join("data")).unwrap());
    let writer = {
        let store = Arc::clone(&store);
        thread::spawn(move || {
            for revision in 3..30 {
                let next = commit(&mesh(revision as u32, "m"), revision, Some(revision - 1));
                put(&store, &next, None).unwrap();
            }
        })
    };
    let backup = folder.path().join("backup");
    let checked = store.backup(&backup).unwrap();
    writer.join().unwrap();
    assert!(matches!(store.backup(&backup), Err(Error::Exists { .. })));
    let (newest, count) = checked.meshes[&name("m")];
    assert!(newest >= 2 && count as u64 == newest, "{checked:?}");

    let again = folder.path().join("again");
    Embedded::restore(&backup, &again, false).unwrap();
    assert!(matches!(Embedded::restore(&backup, &again, false), Err(Error::Exists { .. })));
    let restored = Embedded::open(&again).unwrap();
    assert_ne!(restored.lineage(), store.lineage());
    for revision in 1..=newest {
        let (there, here) =
            (read(&restored, &name("m"), revision), read(&store, &name("m"), revision));
        assert_eq!(there.unwrap(), here.unwrap());
    }
    drop(restored);
    Embedded::restore(&backup, &again, true).unwrap();
    assert!(again.join("store.redb.before-restore").exists(), "what was there is kept");
    // What is no backup is not brought back, and what is there stays.
    fs::write(&backup, "no backup").unwrap();
    assert!(matches!(Embedded::restore(&backup, &again, true), Err(Error::Damaged { .. })));
    Embedded::open(&again).unwrap();
}

/// What a file that was spoiled is allowed to lead to: all of what was acknowledged, or a refusal
/// that names the file and leaves it as it is.
fn truthful(folder: &Path, file: &Path, what: &str) -> bool {
    let bytes = fs::read(file).unwrap();
    match Embedded::open(folder) {
        Ok(store) => {
            let m = name("m");
            assert_eq!(store.head(&m).unwrap().map(|head| head.revision), Some(2), "{what}");
            assert_eq!(read(&store, &m, 2).unwrap(), mesh(2, "m"), "{what}");
            // An old revision may be found damaged when it is asked for, but never another one.
            if let Ok(found) = read(&store, &m, 1) {
                assert_eq!(found, mesh(1, "m"), "{what}");
            }
            true
        }
        Err(Error::Damaged { path, .. }) => {
            assert_eq!(path, file, "{what}");
            assert_eq!(fs::read(file).unwrap(), bytes, "{what}: the file is as it was");
            false
        }
        Err(other) => panic!("{what}: {other:?}"),
    }
}

#[test]
fn a_truncated_file_is_refused_or_whole() {
    let folder = tempfile::tempdir().unwrap();
    let file = filled(folder.path());
    let whole = fs::read(&file).unwrap();
    let mut refused = 0;
    for length in (0..whole.len()).step_by(if whole.len() > 200_000 { 4096 } else { 512 }) {
        fs::write(&file, &whole[..length]).unwrap();
        refused += usize::from(!truthful(folder.path(), &file, &format!("cut at {length}")));
    }
    assert!(refused > 10, "{refused}");
}

#[test]
fn a_flipped_byte_is_refused_or_harmless() {
    let folder = tempfile::tempdir().unwrap();
    let file = filled(folder.path());
    let whole = fs::read(&file).unwrap();
    let (mut refused, mut harmless) = (0, 0);
    // Every byte of the header, and one of every few elsewhere: each opening reads the whole file.
    let places = (0..512).step_by(5).chain((512..whole.len()).step_by(whole.len() / 400));
    for at in places {
        let mut spoiled = whole.clone();
        spoiled[at] ^= 0x55;
        fs::write(&file, &spoiled).unwrap();
        match truthful(folder.path(), &file, &format!("byte {at}")) {
            true => harmless += 1,
            false => refused += 1,
        }
    }
    assert!(refused > 20 && harmless > 20, "{refused} refused, {harmless} harmless");
}

/// Who changes a store by the database's own means leaves no page with a wrong checksum.
#[test]
fn what_was_changed_by_the_means_of_the_database_is_refused() {
    let objects = redb::TableDefinition::<&str, &[u8]>::new("objects");
    let revisions = redb::TableDefinition::<(&str, u64), &[u8]>::new("revisions");
    let changed = |row: &[u8], from: &str, to: &str| {
        let text = String::from_utf8(row.to_vec()).unwrap();
        let other = text.replace(from, to);
        (text != other).then(|| other.into_bytes())
    };
    for (of_object, why) in [(true, "the content of the object"), (false, "the record of")] {
        let folder = tempfile::tempdir().unwrap();
        let file = filled(folder.path());
        {
            use redb::ReadableTable as _;
            let database = redb::Database::open(&file).unwrap();
            let write = database.begin_write().unwrap();
            let mut count = 0;
            if of_object {
                let mut table = write.open_table(objects).unwrap();
                let rows = table.iter().unwrap().map(|row| {
                    let (key, value) = row.unwrap();
                    (key.value().to_owned(), value.value().to_vec())
                });
                for (key, row) in rows.collect::<Vec<_>>() {
                    if let Some(row) = changed(&row, "\"weight\":2", "\"weight\":9") {
                        table.insert(key.as_str(), row.as_slice()).unwrap();
                        count += 1;
                    }
                }
            } else {
                let mut table = write.open_table(revisions).unwrap();
                let row = table.get(("m", 2)).unwrap().unwrap().value().to_vec();
                let row = changed(&row, "p1-2", "p1-9").unwrap();
                table.insert(("m", 2), row.as_slice()).unwrap();
                count += 1;
            }
            assert_eq!(count, 1, "{why}");
            write.commit().unwrap();
        }
        let Err(Error::Damaged { why: said, .. }) = Embedded::check(folder.path()) else {
            panic!("{why}");
        };
        assert!(said.contains(why), "{said}");
        assert!(!truthful(folder.path(), &file, why));
    }
}

#[test]
fn random_bytes_are_no_store() {
    let folder = tempfile::tempdir().unwrap();
    let file = filled(folder.path());
    let mut state = 7_u64;
    let mut random = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    for length in [0, 1, 4, 9, 511, 4096, 70_000] {
        for magic in [false, true] {
            let mut bytes: Vec<u8> = (0..length).map(|_| random()).collect();
            if magic && length >= 9 {
                bytes[..9].copy_from_slice(b"redb\x1a\x0a\xa9\x0d\x0a");
            }
            fs::write(&file, &bytes).unwrap();
            assert!(!truthful(folder.path(), &file, &format!("{length} random bytes")));
            assert!(matches!(Embedded::check(folder.path()), Err(Error::Damaged { .. })));
        }
    }
}

#[test]
fn a_store_of_a_later_form_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let file = filled(folder.path());
    {
        let database = redb::Database::open(&file).unwrap();
        let write = database.begin_write().unwrap();
        let meta = redb::TableDefinition::<&str, &str>::new("meta");
        write.open_table(meta).unwrap().insert("format", "3").unwrap();
        write.commit().unwrap();
    }
    let bytes = fs::read(&file).unwrap();
    let newer = |result: Result<(), Error>| {
        let Err(Error::Newer { path, format: 3 }) = result else { panic!("{result:?}") };
        assert_eq!(path, file);
        assert_eq!(fs::read(&file).unwrap(), bytes);
    };
    newer(Embedded::open(folder.path()).map(drop));
    newer(Embedded::open_or_create(folder.path()).map(drop));
    newer(Embedded::check(folder.path()).map(drop));
    newer(Embedded::restore(&file, &folder.path().join("other"), false).map(drop));
}
