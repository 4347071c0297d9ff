use super::*;

#[test]
fn made_once_then_loaded() {
    let home = tempfile::tempdir().expect("a directory");
    let dir = home.path().join("a/b");
    let first = Authority::load_or_create(&dir).expect("made");
    let second = Authority::load_or_create(&dir).expect("loaded");
    assert_eq!(first.certificate_pem(), second.certificate_pem());
    assert_eq!(first.spki_sha256_base64(), second.spki_sha256_base64());
    assert_eq!(first.spki_sha256_base64().len(), 44);
    let (_, x509) = x509_parser::parse_x509_certificate(first.certificate_der()).expect("x509");
    let constraints = x509.basic_constraints().expect("ext").expect("there").value;
    assert!(constraints.ca);
    assert_eq!(constraints.path_len_constraint, Some(0));
    let days = (first.expires_at() - now_seconds()) / DAY_SECONDS;
    assert!((363..=365).contains(&days), "{days}");
    assert!(x509.subject().to_string().contains("corscope on "));
    let public = fs::read_to_string(first.certificate_path()).expect("public file");
    assert_eq!(public, first.certificate_pem());
    assert!(!public.contains("PRIVATE"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |p: &Path| fs::metadata(p).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(&first.key_path()), 0o600);
        assert_eq!(mode(&dir), 0o700);
    }
    let names: Vec<_> = fs::read_dir(&dir).expect("dir").collect();
    assert_eq!(names.len(), 2, "no temporary files stay: {names:?}");
}

#[test]
fn what_is_broken_is_named_and_left_alone() {
    let make = || {
        let home = tempfile::tempdir().expect("a directory");
        Authority::load_or_create(home.path()).expect("made");
        home
    };
    let whole = {
        let home = make();
        fs::read(home.path().join(PRIVATE_FILE)).expect("there")
    };
    let text = String::from_utf8(whole).expect("PEM");
    let key_only = text
        .split_inclusive("-----END PRIVATE KEY-----")
        .next()
        .expect("key");
    let certificate_only = &text[key_only.len()..];
    for (file, content) in [
        (PRIVATE_FILE, "garbage"),
        (PRIVATE_FILE, ""),
        (PRIVATE_FILE, key_only),
        (PRIVATE_FILE, certificate_only),
        (PUBLIC_FILE, "garbage"),
        (PUBLIC_FILE, certificate_only),
    ] {
        let home = make();
        let path = home.path().join(file);
        fs::write(&path, content).expect("written");
        let error = Authority::load_or_create(home.path())
            .err()
            .expect("refused");
        assert!(matches!(error, CaError::Corrupt { .. }), "{error}");
        assert!(
            error.to_string().contains(&*path.to_string_lossy()),
            "{error}"
        );
        assert_eq!(fs::read_to_string(&path).expect("still there"), content);
    }
    // A key of one and the certificate of another.
    let home = make();
    let other = fs::read_to_string(make().path().join(PRIVATE_FILE)).expect("there");
    let mixed = format!("{key_only}{}", &other[key_only.len()..]);
    fs::write(home.path().join(PRIVATE_FILE), mixed).expect("written");
    assert!(Authority::load_or_create(home.path()).is_err());
}

#[test]
fn a_lost_key_is_not_replaced_behind_the_back_of_who_trusts_the_certificate() {
    let home = tempfile::tempdir().expect("a directory");
    let made = Authority::load_or_create(home.path()).expect("made");
    fs::remove_file(made.key_path()).expect("removed");
    assert!(Authority::load_or_create(home.path()).is_err());
    assert!(!made.key_path().exists());
}

#[test]
fn what_is_replaced_is_told_and_what_was_unusable_is_kept() {
    let home = tempfile::tempdir().expect("a directory");
    let first = Authority::load_or_create(home.path()).expect("made");
    let names = || {
        let files = fs::read_dir(home.path()).expect("a directory");
        files.filter_map(Result::ok).count()
    };
    let rotated = Authority::rotate(home.path()).expect("replaced");
    assert_eq!(rotated.before.as_ref(), Some(first.certificate()));
    assert!(rotated.set_aside.is_none());
    assert_ne!(
        rotated.authority.spki_sha256_base64(),
        first.spki_sha256_base64()
    );
    assert_ne!(
        rotated.authority.certificate().name(),
        first.certificate().name()
    );
    assert_eq!(names(), 2, "the old key is gone");
    let loaded = Authority::load_or_create(home.path()).expect("loaded");
    assert_eq!(loaded.certificate(), rotated.authority.certificate());

    fs::write(loaded.key_path(), "garbage").expect("written");
    let again = Authority::rotate(home.path()).expect("replaced");
    assert_eq!(
        again.before.as_ref(),
        Some(loaded.certificate()),
        "from the public file"
    );
    let aside = again.set_aside.expect("kept");
    assert_eq!(fs::read_to_string(aside).expect("there"), "garbage");
    assert!(Authority::load_or_create(home.path()).is_ok());
}

#[test]
fn age_is_told_in_time() {
    let home = tempfile::tempdir().expect("a directory");
    let made = Authority::load_or_create(home.path()).expect("made");
    let (certificate, now) = (made.certificate(), now_seconds());
    assert_eq!(ageing(certificate, now), None);
    for (at, says) in [
        (now - 3 * DAY_SECONDS, "set the clock"),
        (now + (LIFE_DAYS - 20) * DAY_SECONDS, "expires in 20 days"),
        (now + LIFE_DAYS * DAY_SECONDS - 60, "expires today"),
    ] {
        let said = ageing(certificate, at).expect("a remark");
        assert!(
            said.contains(says) && said.contains("corscope ca rotate"),
            "{said}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_key_others_could_read_is_tightened_with_a_sentence() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().expect("a directory");
    let made = Authority::load_or_create(home.path()).expect("made");
    assert!(made.remarks().is_empty());
    let loose = fs::Permissions::from_mode(0o644);
    fs::set_permissions(made.key_path(), loose).expect("set");
    let loaded = Authority::load_or_create(home.path()).expect("loaded");
    let said = loaded.remarks().join(" ");
    assert!(
        said.contains("644") && said.contains("corscope ca rotate"),
        "{said}"
    );
    let mode = fs::metadata(made.key_path())
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn an_unusable_directory_is_named() {
    let home = tempfile::tempdir().expect("a directory");
    let file = home.path().join("file");
    fs::write(&file, "").expect("written");
    let error = Authority::load_or_create(&file.join("x"))
        .err()
        .expect("refused");
    assert!(matches!(error, CaError::Io { .. }), "{error}");
    assert!(error.to_string().contains("file/x"), "{error}");
}
