//! A setting that nothing reads would be a promise that nobody keeps.

use gearify_config::Settings;
use std::path::Path;

#[test]
fn every_setting_is_read_by_the_node() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut text = String::new();
    gather(&source, &mut text);
    let (mut section, mut unread, mut settings) = (String::from("settings"), Vec::new(), 0);
    for line in Settings::example().lines() {
        if let Some(heading) = line.strip_prefix('[') {
            let path = heading.trim_end_matches(']');
            section = path.rsplit('.').next().unwrap_or(path).to_owned();
        }
        // A key stands in the example as a comment with its default: `#name = value`.
        let Some((key, _)) = line.trim_start_matches('#').split_once(" = ") else { continue };
        if !key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
            continue;
        }
        settings += 1;
        if !text.contains(&format!("{section}.{key}")) {
            unread.push(format!("{section}.{key}"));
        }
    }
    assert!(settings > 35, "the example lists only {settings} settings");
    assert_eq!(unread, Vec::<String>::new(), "declared and never read");
}

fn gather(dir: &Path, text: &mut String) {
    for entry in std::fs::read_dir(dir).expect("the sources are here") {
        let path = entry.expect("the sources are here").path();
        if path.is_dir() {
            gather(&path, text);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            text.push_str(&std::fs::read_to_string(&path).expect("a source is text"));
        }
    }
}
