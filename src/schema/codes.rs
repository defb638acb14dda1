//! MC00xx: findings about syntax and shape.

use crate::diag::Code;

/// The text is no TOML.
pub const SYNTAX: Code = Code::error(
    "MC0001",
    "toml-syntax",
    "the file is not valid TOML",
    "The text breaks TOML's own grammar, so what follows the place may be misread. meshctl goes on \
     behind the mistake and reports what else it finds. Tables and arrays may be nested at most \
     80 deep.",
);
/// A key that the language does not know.
pub const UNKNOWN_KEY: Code = Code::error(
    "MC0002",
    "unknown-key",
    "a key that meshctl does not know",
    "Nothing is ignored in silence: a key that means nothing is most often a slip of the hand. The \
     help names the nearest key that is known at this place, or lists those that are.",
);
/// A value of another type than the key takes.
pub const WRONG_TYPE: Code = Code::error(
    "MC0003",
    "wrong-type",
    "a value of the wrong type",
    "Each key takes values of one type, for example a string, an integer or a table. Durations are \
     strings with a unit, such as \"15s\".",
);
/// A key that must be there is not.
pub const MISSING_KEY: Code = Code::error(
    "MC0004",
    "missing-key",
    "a required key is missing",
    "The table has no meaning without the key. `meshctl schema mesh` prints which keys are required.",
);
/// A text that does not have the form of a value.
pub const BAD_VALUE: Code = Code::error(
    "MC0005",
    "malformed-value",
    "a value that does not have the form its key asks for",
    "The value has the right type but not the right form: a duration without a unit, an address \
     that is no IP address, a host name with an empty part.",
);
/// A name with characters that names do not have.
pub const BAD_NAME: Code = Code::error(
    "MC0006",
    "illegal-name",
    "a name that breaks the rules for names",
    "Meshes, nodes, routers, gateways and routes have names of 1 to 128 letters, digits, `-` and \
     `_`. Virtual services have DNS names.",
);
/// A number outside its range.
pub const OUT_OF_RANGE: Code = Code::error(
    "MC0007",
    "number-out-of-range",
    "a number outside the range of its key",
    "Ports lie between 1 and 65535, priorities between 0 and 1000, percentages between 0 and 100; \
     counts are not negative.",
);
/// A word that is not one of those that a key takes.
pub const UNKNOWN_WORD: Code = Code::error(
    "MC0008",
    "unknown-word",
    "a word that is not one of those the key takes",
    "The key takes one of a fixed list of words. The help lists them, and names the nearest one.",
);
/// A choice of which none or several were taken.
pub const BAD_CHOICE: Code = Code::error(
    "MC0009",
    "not-exactly-one",
    "none or several of keys of which exactly one must be there",
    "The keys exclude each other, because each of them says the whole thing in its own way: a \
     certificate comes from a file or from SDS, a path is matched by a prefix or exactly.",
);
/// A table or list with nothing in it.
pub const EMPTY: Code = Code::warning(
    "MC0010",
    "empty-block",
    "a table or list that says nothing",
    "An empty block has no effect. It is most often the rest of an edit.",
);
/// One thing that is defined twice.
pub const DUPLICATE: Code = Code::error(
    "MC0011",
    "duplicate-definition",
    "the same thing is defined twice",
    "All files of a project are one mesh, so a name may be defined once over all of them. The \
     routes of one router or gateway stand together in one file; the rest of the router may stand \
     in another.",
);
/// Two items of a list that say the same thing.
pub const DUPLICATE_ITEM: Code = Code::error(
    "MC0012",
    "duplicate-item",
    "two items of a list have the same key",
    "Listeners of one resource differ in their port, routes of one router or gateway in their name, \
     and backends of one node in their service.",
);
/// No file says which mesh this is.
pub const NO_MESH: Code = Code::error(
    "MC0013",
    "no-mesh-table",
    "no file has a [mesh] table",
    "Some file of the project must name the mesh: `[mesh]` with `name = \"…\"`. Proxies and plans \
     carry that name.",
);

/// All codes of this module.
pub const CODES: &[&Code] = &[
    &SYNTAX,
    &UNKNOWN_KEY,
    &WRONG_TYPE,
    &MISSING_KEY,
    &BAD_VALUE,
    &BAD_NAME,
    &OUT_OF_RANGE,
    &UNKNOWN_WORD,
    &BAD_CHOICE,
    &EMPTY,
    &DUPLICATE,
    &DUPLICATE_ITEM,
    &NO_MESH,
];
