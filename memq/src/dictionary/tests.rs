//! What is a dictionary and what is not.

use super::*;

const FLIGHTS: &[u8] = include_bytes!("../../../examples/data/flights.dict");

#[test]
fn a_dictionary_has_the_id_that_is_in_it() {
    let dictionary = Dictionary::new(FLIGHTS).unwrap();
    assert_eq!(dictionary.id().to_le_bytes(), FLIGHTS[4..8]);
    assert_eq!(dictionary.bytes(), FLIGHTS);
    assert_eq!(dictionary, Dictionary::new(FLIGHTS.to_vec()).unwrap());
}

#[test]
fn what_is_no_dictionary_says_why() {
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = FLIGHTS.to_vec();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        Dictionary::new(changed)
    };
    for length in 0..9 {
        let cut = Dictionary::new(&FLIGHTS[..length]);
        assert!(matches!(cut, Err(DictionaryError::Short { bytes }) if bytes == length));
    }
    assert!(matches!(with(0, b"8"), Err(DictionaryError::Magic)));
    assert!(matches!(with(4, &[0; 4]), Err(DictionaryError::Id)));
    assert!(with(4, &[1, 0, 0, 0]).is_ok());
}

#[test]
#[cfg(feature = "zstd")]
fn a_damaged_dictionary_is_found_out_at_once() {
    // Its tables come after the id.
    for end in [9, 20, 64, 100] {
        let cut = Dictionary::new(&FLIGHTS[..end]);
        assert!(matches!(cut, Err(DictionaryError::Damaged)), "{end}: {cut:?}");
    }
    let mut wild = FLIGHTS.to_vec();
    wild[8..72].fill(0xff);
    assert!(matches!(Dictionary::new(wild), Err(DictionaryError::Damaged)));
}

#[test]
#[cfg(feature = "zstd")]
fn it_is_prepared_once_for_each_level_and_shared_by_clones() {
    let dictionary = Dictionary::new(FLIGHTS).unwrap();
    let clone = dictionary.clone();
    for level in -7..=22 {
        let first = dictionary.encoder(level).unwrap();
        assert!(std::ptr::eq(first, clone.encoder(level).unwrap()), "{level}");
    }
    assert!(std::ptr::eq(dictionary.decoder().unwrap(), clone.decoder().unwrap()));
    assert!(dictionary.encoder(-8).is_none() && dictionary.encoder(23).is_none());
}

#[test]
fn a_set_has_one_of_each_id_and_its_own_first() {
    let id = |id: u8, rest: u8| {
        let bytes = Bytes::copy_from_slice(&[0x37, 0xA4, 0x30, 0xEC, id, 0, 0, 0, rest]);
        Dictionary::unchecked(bytes, NonZeroU32::new(id.into()).unwrap())
    };
    let of = |all: &[Dictionary]| {
        all.iter().fold(Dictionaries::default(), |set, one| set.with(one.clone()))
    };
    let set = of(&[id(1, 0), id(2, 0), id(1, 9)]);
    assert_eq!(set.get(1), Some(&id(1, 9)));
    assert_eq!(set, of(&[id(2, 0), id(1, 9)]));
    assert_eq!(set.and(&of(&[id(2, 7), id(3, 0)])), of(&[id(2, 0), id(1, 9), id(3, 0)]));
    assert_eq!(set.and(&Dictionaries::default()), set);
    assert_eq!(Dictionaries::default().and(&set), set);
    assert_eq!(set.get(4), None);
}

#[test]
#[cfg(feature = "train")]
fn what_is_trained_is_a_dictionary_and_too_little_is_refused() {
    let samples = |count: usize| {
        (0..count).map(|n| format!(r#"{{"customer":{n},"item":"tea","price":{}}}"#, n * 7919 % 997))
    };
    let trained = Dictionary::train(samples(2_000), 1_000).unwrap();
    assert!(trained.bytes().len() <= 1_000);
    assert_eq!(trained, Dictionary::new(trained.bytes().clone()).unwrap());
    assert_eq!(trained, Dictionary::train(samples(2_000), 1_000).unwrap());
    // Less than zstd makes is asked for, and so the least that it makes is given.
    assert!(Dictionary::train(samples(2_000), 0).unwrap().bytes().len() <= 256);

    for count in [0, 1, 7, 20] {
        let refused = Dictionary::train(samples(count), 1_000);
        assert!(
            matches!(&refused, Err(DictionaryError::Samples { samples, .. }) if *samples == count),
            "{count}: {refused:?}"
        );
    }
    assert!(Dictionary::train(vec![""; 1_000], 1_000).is_err());
}
