//! The table of rules itself.

use super::*;

#[test]
fn ids_are_unique_and_have_the_form_of_ids() {
    let codes = codes();
    for pair in codes.windows(2) {
        assert!(pair[0].id < pair[1].id, "{} is used twice", pair[1].id);
    }
    for code in codes {
        assert_eq!(code.id.len(), 6);
        assert!(code.id.starts_with("MC"));
        assert!(
            code.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        );
        assert!(code.explanation.len() > 40 && !code.summary.is_empty());
    }
}
