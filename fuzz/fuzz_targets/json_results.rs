#![no_main]

libfuzzer_sys::fuzz_target!(|text: &[u8]| meanap_fuzz::json::check(text, meanap::json::FileKind::Results));
