//! MC00xx: findings about overlays and suppressions.

use crate::diag::Code;

/// An overlay removes what is not there.
pub const REMOVE_ABSENT: Code = Code::error(
    "MC0014",
    "remove-of-absent-key",
    "an overlay removes something that is not there",
    "`remove` lists key paths of the files that the overlay takes out. A path that leads nowhere is \
     most often a name that was changed in the files and not in the overlay.",
);
/// An entry of `remove` that is no key path.
pub const REMOVE_MALFORMED: Code = Code::error(
    "MC0015",
    "malformed-remove",
    "an entry of `remove` is not a key path",
    "`remove` is a list of strings, each a path of TOML keys with dots, for example \
     \"virtual_node.checkout.backends\". Routes are named by their name, listeners by their port, \
     backends by their service. Keys with dots stand in quotes.",
);
/// A suppression that cannot be read.
pub const SUPPRESSION_MALFORMED: Code = Code::error(
    "MC0016",
    "malformed-suppression",
    "a suppression comment that cannot be read",
    "The form is `# meshctl: allow MC0301 -- reason`, or `# meshctl: allow MC0301 -- reason, until \
     2027-01-01`. The reason is required: the next reader must know why the finding is accepted.",
);
/// A suppression that suppresses nothing.
pub const SUPPRESSION_UNUSED: Code = Code::warning(
    "MC0017",
    "unused-suppression",
    "a suppression that suppresses nothing",
    "The finding that it was written for is gone, or is an error (errors cannot be suppressed), or \
     stands elsewhere: a suppression covers its own line, the next line, and the whole table if the \
     next line opens one.",
);
/// A suppression whose end date has passed.
pub const SUPPRESSION_EXPIRED: Code = Code::warning(
    "MC0018",
    "expired-suppression",
    "a suppression whose end date has passed",
    "The finding was accepted until a day that is over. It is shown again; fix it, or write a new \
     date.",
);

/// All codes of this module.
pub const CODES: &[&Code] = &[
    &REMOVE_ABSENT,
    &REMOVE_MALFORMED,
    &SUPPRESSION_MALFORMED,
    &SUPPRESSION_UNUSED,
    &SUPPRESSION_EXPIRED,
];
