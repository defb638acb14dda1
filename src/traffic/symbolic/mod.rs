//! Sets of requests: which ones each row of a table really takes, and how two tables differ.
//!
//! Each part of a request (path, host, method, a header…) is cut into the kinds that the rows'
//! conditions can tell apart ([`Space`]); a row's match is then a product of sets of kinds
//! ([`Region`]), and questions about matches are questions about sets. Nothing is guessed: what
//! the automata cannot hold within their bounds is *undecided*, and said to be.

mod causes;
mod conditions;
mod diff;
mod language;
mod meets;
mod plain;
mod regex;
mod set;
mod space;
mod table;
mod tasks;
mod walk;

pub use conditions::{PathChange, of as conditions};
pub use diff::{Class, Differences, Entry, EntryDiff, Severity, Side, compare};
pub use language::{Test, Universe};
pub use meets::{Met, PolicyDiff};
pub use set::Set;
pub use space::{Asks, Condition, Example, Part, Region, Space, request};
pub use table::{Gives, Row, Share, of_gateway, of_hop, of_service};
pub use walk::{Shown, Taker, Takers, WORK_MAX, takers};
