//! Any bytes as a definition of App Mesh in each format: it is refused with findings that have a
//! place and say what to do, or what was understood is formatted TOML that is read as it was
//! understood.

#![no_main]

#[path = "../shared/imported.rs"]
mod imported;

use libfuzzer_sys::fuzz_target;
use meshctl::import::{Content, Format, Options, Source, import};

fuzz_target!(|bytes: &[u8]| {
    one(bytes, None);
    for format in Format::ALL {
        one(bytes, Some(format));
    }
});

fn one(bytes: &[u8], from: Option<Format>) {
    let content = match std::str::from_utf8(bytes) {
        Ok(text) => Content::Text(text.to_owned()),
        Err(error) => Content::NotUtf8(error.valid_up_to()),
    };
    let source = Source { path: "color-vn.yaml".to_owned(), content, named: true };
    let vars = [("A", "1"), ("MESH", "shop"), ("NAME", "a b")];
    let vars = vars.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let imported = import(vec![source], &Options { from, vars, ..Options::default() });
    imported::check(&imported);
}
