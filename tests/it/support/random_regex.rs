//! Regular expressions by chance: whole ones with texts that they take, broken ones, and ones whose
//! programs are about as long as Envoy allows.

use super::random_mesh::Chance;

/// An expression, and texts that it may take.
pub(crate) struct Sample {
    /// The expression.
    pub(crate) regex: String,
    /// Texts near to what it takes: made along its grammar, some of them changed.
    pub(crate) texts: Vec<Vec<u8>>,
}

/// What takes one position or none: how it is written, and texts that it takes.
const LEAVES: &[(&str, &[&[u8]])] = &[
    ("a", &[b"a"]),
    ("b", &[b"b"]),
    ("k", &[b"k"]),
    ("S", &[b"S", b"s"]),
    ("/", &[b"/"]),
    ("é", &["é".as_bytes(), "É".as_bytes()]),
    (".", &[b"x", b"/", "é".as_bytes()]),
    ("\\.", &[b"."]),
    ("\\_", &[b"_"]),
    ("[a-c]", &[b"a", b"c", b"C"]),
    ("[^/]", &[b"x", b"/"]),
    ("[^a-y]", &[b"z", b"Z", b"A"]),
    ("[]a]", &[b"]", b"a"]),
    ("[^]a]", &[b"b", b"]"]),
    ("[a-]", &[b"-", b"a"]),
    ("[\\d-z]", &[b"-", b"z", b"5"]),
    ("[é]", &["é".as_bytes(), b"\xa9", b"\xc3"]),
    ("[\\x{e0}-\\x{ff}]", &[b"\xe9", b"\xc9"]),
    ("[[:alpha:]]", &[b"z", b"\xe9"]),
    ("[[:^lower:]_]", &[b"A", b"a", b"_"]),
    ("[[:punct:][:space:]]", &[b"!", b" ", b"\t"]),
    ("[[:word:]]", &[b"_"]),
    ("\\d", &[b"5"]),
    ("\\D", &[b"x", b"5"]),
    ("\\w", &[b"_", b"q"]),
    ("\\W", &[b"-", b"K"]),
    ("\\s", &[b" ", b"\t"]),
    ("\\S", &[b"x"]),
    ("\\pL", &[b"k", b"\xe9", b"\xaa"]),
    ("\\PL", &[b"1", b"\xa9"]),
    ("\\p{Lu}", &[b"K", b"k", b"\xc9"]),
    ("\\P{Ll}", &[b"K", b"k"]),
    ("\\p{^Latin}", &[b"1", b"k"]),
    ("\\p{Greek}", &[b"a"]),
    ("[\\p{Pc}-x]", &[b"-", b"_", b"x", b"a"]),
    ("\\x41", &[b"A", b"a"]),
    ("\\x{e9}", &[b"\xe9", b"\xc9"]),
    ("\\141", &[b"a"]),
    ("\\351", &[b"\xe9"]),
    ("\\C", &[b"\xff", b"a"]),
    ("\\Qa.b\\E", &[b"a.b", b"axb"]),
    ("\\Q\\E", &[b""]),
    ("^", &[b""]),
    ("$", &[b""]),
    ("\\A", &[b""]),
    ("\\z", &[b""]),
    ("\\b", &[b""]),
    ("\\B", &[b""]),
    ("(?i)", &[b""]),
    ("(?-i)", &[b""]),
    ("(?s)", &[b""]),
    ("(?m)", &[b""]),
    ("(?U)", &[b""]),
    ("(?)", &[b""]),
    ("()", &[b""]),
    ("{", &[b"{"]),
    ("}", &[b"}"]),
    ("]", &[b"]"]),
    ("a{,2}", &[b"a{,2}"]),
    ("a{01}", &[b"a{01}", b"a"]),
    ("foo", &[b"foo", b"FOO"]),
    ("api/v1", &[b"api/v1"]),
];

/// How a repetition is written, its least and its greatest number (of those that are tried).
const REPEATS: &[(&str, u64, u64)] = &[
    ("*", 0, 3),
    ("+", 1, 3),
    ("?", 0, 1),
    ("*?", 0, 2),
    ("+?", 1, 2),
    ("??", 0, 1),
    ("{2}", 2, 2),
    ("{0,2}", 0, 2),
    ("{1,}", 1, 3),
    ("{2,}", 2, 3),
    ("{0}", 0, 0),
    ("{1}", 1, 1),
    ("{3,5}?", 3, 5),
];

const GROUPS: &[&str] = &["(", "(?:", "(?i:", "(?s-i:", "(?P<x>", "(?<name_1>", "(?im:"];

/// What is put into expressions to break them; some of it breaks nothing.
const FRAGMENTS: &[&str] = &[
    "(",
    ")",
    "[",
    "]",
    "*",
    "+",
    "?",
    "{",
    "}",
    "{2}",
    "{1,2}",
    "{2,1}",
    "{1001}",
    "{1000}",
    "{02}",
    "|",
    "\\",
    "(?",
    "(?i",
    "(?i)",
    "(?s)+",
    "(?m)*",
    "(?i){2}",
    "(?P<x>",
    "(?P=x)",
    "(?P>x)",
    "(?'x'",
    "(?<x>",
    "(?<é>a)",
    "(?P<>a)",
    "(?P<a-b>a)",
    "(?=a)",
    "(?!a)",
    "(?<=a)",
    "(?>a)",
    "(?#a)",
    "(?x)",
    "(?-)",
    "(?--i)",
    "(?i-)",
    "(?i-s)",
    "(?-i:",
    "(?^)",
    "(?:",
    "()*",
    "(|a)",
    "(a|)",
    "||",
    "\\1",
    "\\0",
    "\\7",
    "\\8",
    "\\18",
    "\\377",
    "\\400",
    "\\777",
    "\\é",
    "[\\é]",
    "[é-\\x{ff}]",
    "\\p",
    "\\p{",
    "\\p{}",
    "\\p{^}",
    "\\pX",
    "\\pN",
    "\\p{Nope}",
    "\\p{Greek}",
    "\\p{latin}",
    "\\p{Any}",
    "\\p{Cn}",
    "\\P{^Lu}",
    "[[:nope:]]",
    "[[:]",
    "[:",
    ":]",
    "[[:^alpha:]]",
    "[[.a.]]",
    "[[=a=]]",
    "[^",
    "[]",
    "[^]",
    "-",
    "[z-a]",
    "[a-\\d]",
    "[\\d-a]",
    "[a-\\x{ff}]",
    "[\\Q]\\E]",
    "\\Q",
    "\\E",
    "\\x",
    "\\x4",
    "\\x{",
    "\\x{}",
    "\\x{100}",
    "\\x{+1}",
    "\\x+1",
    "\\x{0000ff}",
    "**",
    "++",
    "+*",
    "\\Z",
    "\\h",
    "\\e",
    "\\G",
    "\\K",
    "\\R",
    "\\X",
    "\\u0041",
    "\\cA",
    "\\_",
    "\\-",
    "\\/",
    "\\ ",
    "\\\t",
    "\\b",
    "[\\b]",
    "\u{7f}",
    "\u{1}",
    "\\\u{1}",
    "\n",
    "'",
    "\"",
    "^*",
    "$+",
    "\\b{2}",
    "(?:^)*",
    "(?:$|a)*",
    "é*",
    "😀",
    "[😀]",
    "\\A+",
    "\\z?",
    "\\C*",
    "a**",
    "a{2}{3}",
    "(?i)ſ",
    "(?i)K",
];

enum Tree {
    Leaf(usize),
    All(Vec<Self>),
    Either(Vec<Self>),
    Group(&'static str, Box<Self>),
    Repeat(Box<Self>, usize),
}

fn tree(c: &mut Chance, depth: u32) -> Tree {
    let few = |c: &mut Chance, most: u64| -> Vec<Tree> {
        (0..=c.below(most)).map(|_| tree(c, depth - 1)).collect()
    };
    match (depth, c.below(10)) {
        (0, _) | (_, 0..=3) => Tree::Leaf(c.below(LEAVES.len() as u64) as usize),
        (_, 4..=6) => Tree::All(few(c, 4)),
        (_, 7) => Tree::Either(few(c, 3)),
        (_, 8) => Tree::Group(c.pick(GROUPS), Box::new(tree(c, depth - 1))),
        _ => {
            let inner = Tree::Group(c.pick(GROUPS), Box::new(tree(c, depth - 1)));
            let leaf = Tree::Leaf(c.below(37) as usize);
            let what = if c.once_in(2) { inner } else { leaf };
            Tree::Repeat(Box::new(what), c.below(REPEATS.len() as u64) as usize)
        }
    }
}

fn written(tree: &Tree, inside: bool) -> String {
    match tree {
        Tree::Leaf(at) => LEAVES[*at].0.to_owned(),
        Tree::All(items) => items.iter().map(|item| written(item, true)).collect(),
        Tree::Either(items) => {
            let all: Vec<String> = items.iter().map(|item| written(item, true)).collect();
            if inside { format!("(?:{})", all.join("|")) } else { all.join("|") }
        }
        Tree::Group(start, inner) => format!("{start}{})", written(inner, false)),
        Tree::Repeat(inner, at) => format!("{}{}", written(inner, true), REPEATS[*at].0),
    }
}

fn taken(c: &mut Chance, tree: &Tree, text: &mut Vec<u8>) {
    match tree {
        Tree::Leaf(at) => text.extend_from_slice(c.pick(LEAVES[*at].1)),
        Tree::All(items) => items.iter().for_each(|item| taken(c, item, text)),
        Tree::Either(items) => {
            let at = c.below(items.len() as u64) as usize;
            taken(c, &items[at], text);
        }
        Tree::Group(_, inner) => taken(c, inner, text),
        Tree::Repeat(inner, at) => {
            let (_, least, most) = REPEATS[*at];
            for _ in 0..least + c.below(most - least + 1) {
                taken(c, inner, text);
            }
        }
    }
}

/// A text that can be the value of a header as it is: no control bytes, no spaces outside.
fn sendable(text: &[u8]) -> Vec<u8> {
    let fine = |byte: &u8| matches!(byte, b'\t' | 0x20..=0x7E | 0x80..);
    let text: Vec<u8> = text.iter().copied().filter(fine).collect();
    text.trim_ascii().to_vec()
}

/// An expression that is whole, and texts to try it with.
pub(crate) fn whole(c: &mut Chance) -> Sample {
    let tree = tree(c, 4);
    let mut texts = Vec::new();
    for _ in 0..8 {
        let mut text = Vec::new();
        taken(c, &tree, &mut text);
        if c.once_in(3) {
            let at = c.below(text.len() as u64 + 1) as usize;
            text.insert(at, c.pick(b"aAzZ5/-_.\xe9\xc3\xa9k "));
        }
        if c.once_in(6) && !text.is_empty() {
            text.remove(c.below(text.len() as u64) as usize);
        }
        texts.push(sendable(&text));
    }
    Sample { regex: written(&tree, false), texts }
}

/// An expression that is probably broken.
pub(crate) fn broken(c: &mut Chance) -> String {
    let mut text = if c.once_in(3) { String::new() } else { whole(c).regex };
    for _ in 0..=c.below(3) {
        let places: Vec<usize> =
            text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let at = c.pick(&places);
        match text[at..].chars().next() {
            Some(_) if c.once_in(4) => drop(text.remove(at)),
            _ => text.insert_str(at, c.pick(FRAGMENTS)),
        }
    }
    text
}

/// An expression whose program has about as many instructions as `limit`, most often.
pub(crate) fn long(c: &mut Chance, limit: u64, size: impl Fn(&str) -> Option<u64>) -> String {
    let piece = format!("(?:{})", whole(c).regex);
    let once = size(&piece).map_or(1, |size| size.saturating_sub(4)).max(1);
    let times = (limit / once).clamp(1, 1_000);
    let near = (times + c.below(times / 8 + 3)).saturating_sub(times / 16 + 1).clamp(1, 1_000);
    match c.below(4) {
        0 => format!("{piece}{{{near}}}"),
        1 => format!("{piece}{{0,{}}}", (near / 2).max(1)),
        2 => format!("(?:{piece}{{{}}}|x){{{}}}", (near / 8).max(1), c.pick(&[2, 7, 8])),
        _ => {
            let words = (0..8 + c.below(120)).map(|_| {
                let letters = (0..1 + c.below(6)).map(|_| c.pick(&['a', 'b', 'c', 'x', '/']));
                letters.collect::<String>()
            });
            let words: Vec<String> = words.collect();
            format!("/(?:{}){piece}?", words.join("|"))
        }
    }
}
