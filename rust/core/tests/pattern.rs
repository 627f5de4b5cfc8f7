//! Docker's pattern rules: a table of documented cases, and agreement with a slow matcher that is obviously right.

#![allow(clippy::unwrap_used, missing_docs)]

use lamella_core::glob::{DoubleStar, Glob};
use lamella_core::pattern::{Patterns, clean};
use proptest::prelude::*;

fn leaves_out(lines: &[&str], path: &str) -> bool {
    Patterns::from_lines(lines)
        .unwrap()
        .leave_out(path.as_bytes())
}

#[test]
fn single_patterns_match_as_in_docker() {
    #[rustfmt::skip]
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("target", &["target", "target/debug", "target/a/b"], &["src/target", "targets", "targe"]),
        ("/target", &["target", "target/debug"], &["src/target"]),
        ("target/", &["target", "target/debug"], &["src/target"]),
        ("./target", &["target"], &["a/target"]),
        ("a/./b/../c", &["a/c", "a/c/d"], &["a/b/c", "c"]),
        ("  target\t", &["target"], &["  target"]),
        ("../up", &[], &["up", "a/up"]),
        ("/", &[], &["a"]),
        (".", &[], &["a", "a/b"]),
        ("*", &["a", "a/b", ".git"], &[]),
        ("*.md", &["a.md", ".md", "a.md/b"], &["a.mdx", "docs/a.md"]),
        ("*/*.md", &["docs/a.md"], &["a.md", "a/b/a.md"]),
        ("te?t", &["test", "te\u{e9}t", "test/x"], &["tet", "te/t", "teest"]),
        ("v[0-9]", &["v0", "v9/x"], &["va", "v10", "v"]),
        ("v[^0-9]", &["va", "v\u{e9}"], &["v0", "v"]),
        ("[a-c\\]x]", &["b", "]", "x"], &["d", "\\"]),
        ("[!a]", &["!", "a"], &["b"]),
        ("a\\*b", &["a*b"], &["axb", "a\\*b"]),
        ("\\d", &["d"], &["1", "\\d"]),
        ("\\#notes", &["#notes"], &["notes"]),
        (" #notes", &["#notes"], &["notes"]),
        ("a.b+(c)|{d}$", &["a.b+(c)|{d}$"], &["axb+(c)|{d}$"]),
        ("**", &["a", "a/b/c"], &[]),
        ("**/", &["a", "a/b/c"], &[]),
        ("**/cache", &["cache", "a/cache", "a/b/cache", "a/cache/x"], &["mycache", "a/mycache"]),
        ("**/*.pyc", &["a.pyc", "a/b/c.pyc"], &["a.py", "a.pyc2"]),
        ("**/a/**/b", &["a/b", "x/a/b", "a/x/y/b", "a/b/z"], &["ab", "a", "b"]),
        ("src/**", &["src/a", "src/a/b"], &["src", "srcs/a"]),
        ("src**", &["src", "src/a", "srcs"], &["sr"]),
        ("a/**/b", &["a/b", "a/x/b", "a/x/y/b"], &["a/xb", "ab", "a/bx"]),
        ("a**b", &["ab", "ax/b", "a/b"], &["axb"]),
        ("**.pyc", &["a.pyc", "x/a.pyc", ".pyc"], &["a.py"]),
        ("**.p?c", &[".pyc", "x/.pyc"], &["a.pyc"]),
    ];
    for (pattern, matching, others) in cases {
        for path in *matching {
            assert!(
                leaves_out(&[pattern], path),
                "{pattern:?} must match {path:?}"
            );
        }
        for path in *others {
            assert!(
                !leaves_out(&[pattern], path),
                "{pattern:?} must not match {path:?}"
            );
        }
    }
}

#[test]
fn the_last_match_decides() {
    let lines = ["*.md", "!README*.md", "README-secret.md"];
    assert!(leaves_out(&lines, "notes.md"));
    assert!(!leaves_out(&lines, "README.md"));
    assert!(leaves_out(&lines, "README-secret.md"));
    let lines = ["*.md", "README-secret.md", "!README*.md"];
    assert!(!leaves_out(&lines, "README-secret.md"));
}

#[test]
fn an_exception_reaches_into_a_folder_that_is_left_out() {
    let lines = ["vendor", "! /vendor/keep/"];
    assert!(leaves_out(&lines, "vendor"));
    assert!(leaves_out(&lines, "vendor/other"));
    assert!(!leaves_out(&lines, "vendor/keep"));
    assert!(!leaves_out(&lines, "vendor/keep/a/b"));
}

#[test]
fn comments_blank_lines_and_a_byte_order_mark_are_skipped() {
    let patterns = Patterns::from_lines(&["\u{feff}# comment", "", " \t", "#*", "x\r"]).unwrap();
    assert!(!patterns.leave_out(b"anything"));
    assert!(patterns.leave_out(b"x"));
    assert!(leaves_out(&["\u{feff}x"], "x"));
    assert!(Patterns::from_arguments(&["#x"]).unwrap().leave_out(b"#x"));
}

#[test]
fn a_malformed_line_is_named() {
    for (line, reason) in [
        ("!", "nothing after"),
        ("a[", "no ]"),
        ("a[]", "before - or ]"),
        ("a[^]", "before - or ]"),
        ("a[b-]", "before - or ]"),
        ("a[-b]", "before - or ]"),
        ("a[b", "no ]"),
        ("a[\\", "no ]"),
        ("a\\", "lone \\"),
    ] {
        let message = Patterns::from_lines(&["fine", line])
            .unwrap_err()
            .to_string();
        assert!(
            message.starts_with(&format!("line 2: pattern {line:?}: ")),
            "{message}"
        );
        assert!(message.contains(reason), "{message}");
    }
    let message = Patterns::from_arguments(&["a["]).unwrap_err().to_string();
    assert!(message.starts_with("pattern \"a[\": "), "{message}");
}

#[test]
fn bytes_that_are_not_utf_8_are_characters() {
    let patterns = Patterns::from_lines(&[&b"?\xff*"[..], b"[\xfe]"]).unwrap();
    assert!(patterns.leave_out(b"\xfc\xff"));
    assert!(patterns.leave_out(b"\xc3\xa9\xffrest"));
    assert!(patterns.leave_out(b"\xfe"));
    assert!(!patterns.leave_out(b"\xfd"));
    assert!(!patterns.leave_out(b"\xc3\xa9\xfd"));
}

#[test]
fn many_stars_take_no_exponential_time() {
    let pattern = "*a".repeat(200);
    assert!(!leaves_out(&[&pattern], &("a".repeat(2000) + "b")));
    let glob = Glob::parse("**/a".repeat(100).as_bytes(), DoubleStar::Folders).unwrap();
    assert!(!glob.matches(("a/".repeat(1000) + "b").as_bytes()));
}

#[test]
fn paths_are_cleaned_as_in_go() {
    for (path, cleaned) in [
        ("", "."),
        (".", "."),
        ("/", "/"),
        ("//a//b/", "/a/b"),
        ("./a/./b", "a/b"),
        ("a/../..", ".."),
        ("a/..", "."),
        ("/../a", "/a"),
        ("../../a", "../../a"),
        ("a/b/../../c", "c"),
        ("..a/.b", "..a/.b"),
    ] {
        assert_eq!(clean(path.as_bytes()), cleaned.as_bytes(), "{path:?}");
    }
}

/// Tries every way to match, one character at a time; `**` is that of `.dockerignore`. Knows no classes and escapes.
fn slow_match(pattern: &[char], path: &[char]) -> bool {
    let any_rest = || 0..=path.len();
    match pattern {
        [] => path.is_empty(),
        ['*', '*', rest @ ..] => {
            let rest = rest.strip_prefix(&['/']).unwrap_or(rest);
            rest.is_empty()
                || slow_match(rest, path)
                || any_rest()
                    .any(|end| end > 0 && path[end - 1] == '/' && slow_match(rest, &path[end..]))
        }
        ['*', rest @ ..] => {
            any_rest().any(|end| !path[..end].contains(&'/') && slow_match(rest, &path[end..]))
        }
        ['?', rest @ ..] => path
            .split_first()
            .is_some_and(|(first, path)| *first != '/' && slow_match(rest, path)),
        [literal, rest @ ..] => path
            .split_first()
            .is_some_and(|(first, path)| first == literal && slow_match(rest, path)),
    }
}

fn parents_and_self(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/')
        .map(|(end, _)| &path[..end])
        .chain([path])
}

fn lines(patterns: &[(bool, String)]) -> Vec<String> {
    let sign = |exception| if exception { "!" } else { "" };
    patterns
        .iter()
        .map(|(exception, text)| format!("{}{text}", sign(*exception)))
        .collect()
}

const PATTERN: &str = "([ab?*\u{e9}]|[*][*]/|/){1,8}";
const PATH: &str = "[ab\u{e9}]{1,2}(/[ab\u{e9}]{1,2}){0,3}";

proptest! {
    #[test]
    fn the_matcher_agrees_with_the_slow_one(pattern in PATTERN, path in PATH) {
        // Docker's special rule for `**` before plain text has its own cases above.
        prop_assume!(!pattern.starts_with("**") || pattern.starts_with("**/"));
        let glob = Glob::parse(pattern.as_bytes(), DoubleStar::Folders).unwrap();
        let characters = |text: &str| text.chars().collect::<Vec<_>>();
        prop_assert_eq!(glob.matches(path.as_bytes()), slow_match(&characters(&pattern), &characters(&path)));
    }

    #[test]
    fn the_list_agrees_with_its_definition(
        patterns in prop::collection::vec((any::<bool>(), PATTERN), 0..5), path in PATH,
    ) {
        let lines = lines(&patterns);
        let mut expected = false;
        for (exception, text) in &patterns {
            let text = clean(text.as_bytes());
            let glob = Glob::parse(text.strip_prefix(b"/").unwrap_or(&text), DoubleStar::Folders).unwrap();
            if parents_and_self(&path).any(|part| glob.matches(part.as_bytes())) {
                expected = !exception;
            }
        }
        prop_assert_eq!(Patterns::from_lines(&lines).unwrap().leave_out(path.as_bytes()), expected);
    }

    #[test]
    fn what_is_let_in_below_a_folder_was_announced(
        patterns in prop::collection::vec((any::<bool>(), PATTERN), 0..5), path in PATH,
    ) {
        let lines = lines(&patterns);
        let patterns = Patterns::from_lines(&lines).unwrap();
        if !patterns.leave_out(path.as_bytes()) {
            for folder in parents_and_self(&path).filter(|folder| *folder != path) {
                prop_assert!(!patterns.leave_out(folder.as_bytes()) || patterns.may_let_in_below(folder.as_bytes()), "{folder}");
            }
        }
    }

    #[test]
    fn no_pattern_panics(pattern in prop::collection::vec(any::<u8>(), 0..20), path in prop::collection::vec(any::<u8>(), 0..20)) {
        if let Ok(patterns) = Patterns::from_lines(&[pattern]) {
            let _ = patterns.leave_out(&path);
            let _ = patterns.may_let_in_below(&path);
        }
    }
}
