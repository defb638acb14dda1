//! Classes with names, as RE2 has them where every byte is a character of Latin-1 (so Envoy runs
//! it): Perl's, POSIX's, and Unicode's categories and scripts.

use super::Class;
use std::ops::RangeInclusive;

type Ranges = &'static [RangeInclusive<u8>];

/// The general categories of two letters; a category of one letter is all that start with it.
const CATEGORIES: &[(&str, Ranges)] = &[
    ("Cc", &[0x00..=0x1F, 0x7F..=0x9F]),
    ("Cf", &[0xAD..=0xAD]),
    ("Co", &[]),
    ("Cs", &[]),
    ("Ll", &[0x61..=0x7A, 0xB5..=0xB5, 0xDF..=0xF6, 0xF8..=0xFF]),
    ("Lm", &[]),
    ("Lo", &[0xAA..=0xAA, 0xBA..=0xBA]),
    ("Lt", &[]),
    ("Lu", &[0x41..=0x5A, 0xC0..=0xD6, 0xD8..=0xDE]),
    ("Mc", &[]),
    ("Me", &[]),
    ("Mn", &[]),
    ("Nd", &[0x30..=0x39]),
    ("Nl", &[]),
    ("No", &[0xB2..=0xB3, 0xB9..=0xB9, 0xBC..=0xBE]),
    ("Pc", &[0x5F..=0x5F]),
    ("Pd", &[0x2D..=0x2D]),
    ("Pe", &[0x29..=0x29, 0x5D..=0x5D, 0x7D..=0x7D]),
    ("Pf", &[0xBB..=0xBB]),
    ("Pi", &[0xAB..=0xAB]),
    (
        "Po",
        &[
            0x21..=0x23,
            0x25..=0x27,
            0x2A..=0x2A,
            0x2C..=0x2C,
            0x2E..=0x2F,
            0x3A..=0x3B,
            0x3F..=0x40,
            0x5C..=0x5C,
            0xA1..=0xA1,
            0xA7..=0xA7,
            0xB6..=0xB7,
            0xBF..=0xBF,
        ],
    ),
    ("Ps", &[0x28..=0x28, 0x5B..=0x5B, 0x7B..=0x7B]),
    ("Sc", &[0x24..=0x24, 0xA2..=0xA5]),
    ("Sk", &[0x5E..=0x5E, 0x60..=0x60, 0xA8..=0xA8, 0xAF..=0xAF, 0xB4..=0xB4, 0xB8..=0xB8]),
    (
        "Sm",
        &[
            0x2B..=0x2B,
            0x3C..=0x3E,
            0x7C..=0x7C,
            0x7E..=0x7E,
            0xAC..=0xAC,
            0xB1..=0xB1,
            0xD7..=0xD7,
            0xF7..=0xF7,
        ],
    ),
    ("So", &[0xA6..=0xA6, 0xA9..=0xA9, 0xAE..=0xAE, 0xB0..=0xB0]),
    ("Zl", &[]),
    ("Zp", &[]),
    ("Zs", &[0x20..=0x20, 0xA0..=0xA0]),
];

/// What belongs to the script `Latin`; all other bytes belong to `Common`.
const LATIN: Ranges =
    &[0x41..=0x5A, 0x61..=0x7A, 0xAA..=0xAA, 0xBA..=0xBA, 0xC0..=0xD6, 0xD8..=0xF6, 0xF8..=0xFF];

/// The scripts that no byte belongs to. Envoy 1.40 knows these names (a test asks it).
const SCRIPTS: &str = "
Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak Bengali
Bhaiksuki Bopomofo Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian Caucasian_Albanian
Chakma Cham Cherokee Chorasmian Coptic Cuneiform Cypriot Cypro_Minoan Cyrillic Deseret Devanagari
Dives_Akuru Dogra Duployan Egyptian_Hieroglyphs Elbasan Elymaic Ethiopic Georgian Glagolitic
Gothic Grantha Greek Gujarati Gunjala_Gondi Gurmukhi Han Hangul Hanifi_Rohingya Hanunoo Hatran
Hebrew Hiragana Imperial_Aramaic Inherited Inscriptional_Pahlavi Inscriptional_Parthian Javanese
Kaithi Kannada Katakana Kawi Kayah_Li Kharoshthi Khitan_Small_Script Khmer Khojki Khudawadi Lao
Lepcha Limbu Linear_A Linear_B Lisu Lycian Lydian Mahajani Makasar Malayalam Mandaic Manichaean
Marchen Masaram_Gondi Medefaidrin Meetei_Mayek Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs
Miao Modi Mongolian Mro Multani Myanmar Nabataean Nag_Mundari Nandinagari New_Tai_Lue Newa Nko
Nushu Nyiakeng_Puachue_Hmong Ogham Ol_Chiki Old_Hungarian Old_Italic Old_North_Arabian Old_Permic
Old_Persian Old_Sogdian Old_South_Arabian Old_Turkic Old_Uyghur Oriya Osage Osmanya Pahawh_Hmong
Palmyrene Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang Runic Samaritan Saurashtra
Sharada Shavian Siddham SignWriting Sinhala Sogdian Sora_Sompeng Soyombo Sundanese Syloti_Nagri
Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Takri Tamil Tangsa Tangut Telugu Thaana Thai
Tibetan Tifinagh Tirhuta Toto Ugaritic Vai Vithkuqi Wancho Warang_Citi Yezidi Yi Zanabazar_Square
";

/// Every name that `\p{…}` takes.
#[cfg(test)]
pub(super) fn names() -> Vec<&'static str> {
    let letters = ["Any", "Latin", "Common", "C", "L", "M", "N", "P", "S", "Z"];
    let categories = CATEGORIES.iter().map(|(name, _)| *name);
    letters.into_iter().chain(categories).chain(SCRIPTS.split_whitespace()).collect()
}

/// The class of `\p{name}`; `None` if RE2 does not know the name.
pub(super) fn unicode(name: &str) -> Option<Class> {
    let of = |wanted: &dyn Fn(&str) -> bool| {
        let found = CATEGORIES.iter().filter(|(name, _)| wanted(name));
        class(|byte| found.clone().any(|(_, ranges)| holds(ranges, byte)))
    };
    match name {
        "Any" => Some(class(|_| true)),
        "Latin" => Some(class(|byte| holds(LATIN, byte))),
        "Common" => Some(class(|byte| !holds(LATIN, byte))),
        "C" | "L" | "M" | "N" | "P" | "S" | "Z" => Some(of(&|own| own.starts_with(name))),
        _ if CATEGORIES.iter().any(|(own, _)| *own == name) => Some(of(&|own| own == name)),
        _ if SCRIPTS.split_whitespace().any(|own| own == name) => Some(class(|_| false)),
        _ => None,
    }
}

/// The class of `\d`, `\s` or `\w`, by its letter.
pub(super) fn perl(letter: u8) -> Option<Class> {
    match letter {
        b'd' => Some(class(|byte| byte.is_ascii_digit())),
        b's' => Some(class(|byte| matches!(byte, b'\t' | b'\n' | 0x0C | b'\r' | b' '))),
        b'w' => Some(class(|byte| byte.is_ascii_alphanumeric() || byte == b'_')),
        _ => None,
    }
}

/// The class of `[:name:]`.
pub(super) fn posix(name: &str) -> Option<Class> {
    let holds: fn(u8) -> bool = match name {
        "alnum" => |byte| byte.is_ascii_alphanumeric(),
        "alpha" => |byte| byte.is_ascii_alphabetic(),
        "ascii" => |byte| byte.is_ascii(),
        "blank" => |byte| byte == b' ' || byte == b'\t',
        "cntrl" => |byte| byte.is_ascii_control(),
        "digit" => |byte| byte.is_ascii_digit(),
        "graph" => |byte| byte.is_ascii_graphic(),
        "lower" => |byte| byte.is_ascii_lowercase(),
        "print" => |byte| byte.is_ascii_graphic() || byte == b' ',
        "punct" => |byte| byte.is_ascii_punctuation(),
        "space" => |byte| matches!(byte, 9..=13 | b' '),
        "upper" => |byte| byte.is_ascii_uppercase(),
        "word" => |byte| byte.is_ascii_alphanumeric() || byte == b'_',
        "xdigit" => |byte| byte.is_ascii_hexdigit(),
        _ => return None,
    };
    Some(class(holds))
}

fn holds(ranges: Ranges, byte: u8) -> bool {
    ranges.iter().any(|range| range.contains(&byte))
}

fn class(holds: impl Fn(u8) -> bool) -> Class {
    let mut class = Class([false; 256]);
    for (byte, slot) in (0..=255).zip(&mut class.0) {
        *slot = holds(byte);
    }
    class
}

#[cfg(test)]
mod tests {
    use super::{names, unicode};

    #[test]
    fn every_byte_is_of_one_category_and_one_script() {
        for byte in 0..=255_usize {
            let of = |names: &[&str]| {
                let has = |name: &&&str| unicode(name).is_some_and(|class| class.0[byte]);
                names.iter().filter(has).count()
            };
            let pairs: Vec<&str> = super::CATEGORIES.iter().map(|(name, _)| *name).collect();
            assert_eq!(of(&pairs), 1, "{byte:#x}");
            assert_eq!(of(&["C", "L", "M", "N", "P", "S", "Z"]), 1, "{byte:#x}");
            assert_eq!(of(&["Latin", "Common", "Greek"]), 1, "{byte:#x}");
        }
        assert!(names().into_iter().all(|name| unicode(name).is_some()));
        assert!(unicode("Nope").is_none() && unicode("latin").is_none() && unicode("Cn").is_none());
    }
}
