//! Generated files in the repository: completions, help, the list of codes, the changelog.

use crate::support::sandbox::Sandbox;
use crate::support::{golden, root};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;

#[test]
fn completions_are_in_step_with_the_commands() {
    let sandbox = Sandbox::new();
    for (shell, file) in [
        ("bash", "meshctl.bash"),
        ("zsh", "_meshctl"),
        ("fish", "meshctl.fish"),
        ("elvish", "meshctl.elv"),
        ("powershell", "_meshctl.ps1"),
    ] {
        let ran = sandbox.run(&["completions", shell]).exits(0);
        golden::check(&root().join("completions").join(file), &ran.stdout);
    }
}

#[test]
fn help_fits_eighty_columns_and_is_a_golden() {
    let mut text = String::new();
    let command = meshctl::cli::command().term_width(80);
    let mut names: Vec<Vec<String>> = vec![Vec::new()];
    names.extend(command.get_subcommands().map(|sub| vec![sub.get_name().to_owned()]));
    for words in names {
        let mut command = command.clone();
        command.build();
        let mut at = &mut command;
        for word in &words {
            at = at.find_subcommand_mut(word).unwrap();
        }
        let help = at.render_long_help().to_string();
        for line in help.lines() {
            assert!(line.chars().count() <= 80, "{words:?}: {line}");
        }
        let _ = writeln!(text, "$ meshctl {} --help\n{help}", words.join(" "));
    }
    golden::check(&root().join("tests/cases/help.txt"), &text);
}

#[test]
fn commands_and_flags_are_well_formed() {
    meshctl::cli::command().debug_assert();
}

#[test]
fn codes_are_unique_named_and_explained() {
    let mut list = String::new();
    let (mut ids, mut names) = (BTreeSet::new(), BTreeSet::new());
    for code in meshctl::cli::all_codes() {
        assert!(ids.insert(code.id), "{} is there twice", code.id);
        assert!(names.insert(code.name), "{} is there twice", code.name);
        assert!(code.id.len() == 6 && code.id.starts_with("MC"), "{}", code.id);
        assert!(code.id[2..].chars().all(|c| c.is_ascii_digit()), "{}", code.id);
        assert!(
            code.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'),
            "{}",
            code.name
        );
        assert!(!code.summary.ends_with('.') && !code.summary.is_empty(), "{}", code.id);
        assert!(code.explanation.len() > 60, "{} is not explained", code.id);
        let _ = writeln!(list, "{} {} {}: {}", code.id, code.severity, code.name, code.summary);
    }
    golden::check(&root().join("tests/cases/codes.txt"), &list);
}

#[test]
fn the_changelog_has_a_place_for_this_version() {
    let text = fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    let version = format!("## [{}]", env!("CARGO_PKG_VERSION"));
    assert!(text.contains("## [Unreleased]") || text.contains(&version));
}
