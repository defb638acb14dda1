//! Any bytes as HCL, alone and beside a state: an import ends with findings that have a place, or what
//! was understood is formatted TOML that is read as it was understood.

#![no_main]

#[path = "../shared/imported.rs"]
mod imported;

use libfuzzer_sys::fuzz_target;
use meshctl::import::{Content, Options, Source, import};

const STATE: &str = include_str!("../seeds/import/terraform.tfstate");

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for path in ["main.tf", "main.tf.json", "terraform.tfvars"] {
        for state in [false, true] {
            one(path, text, state);
        }
    }
});

fn one(path: &str, text: &str, state: bool) {
    let source = |path: &str, text: &str| Source {
        path: path.to_owned(),
        content: Content::Text(text.to_owned()),
        named: true,
    };
    let mut sources = vec![source(path, text)];
    if state {
        sources.push(source("terraform.tfstate", STATE));
    }
    let vars = [("A", "1"), ("mesh", "shop"), ("list", "[1, 2]")];
    let vars = vars.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let imported = import(sources, &Options { vars, ..Options::default() });
    imported::check(&imported);
}
