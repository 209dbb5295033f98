//! What is refused, and what is cut off.

use std::{
    fmt::Debug,
    sync::{Arc, Mutex, mpsc},
    thread,
};
use weft_journal::{
    Disk, Journal, OpenError, Options, Poisoned,
    sim::{Fault, SimDisk},
};

const REALM: [u8; 32] = [7; 32];
const FIRST: &str = "00000000000000000001.log";

fn options() -> Options {
    Options { segment_bytes: 400, ..Options::new(REALM) }
}

/// Opens the log and returns it with what it holds.
fn open(disk: &SimDisk) -> Result<(Journal, Vec<Vec<u8>>), OpenError> {
    open_after(disk, 0)
}

fn open_after(disk: &SimDisk, after: u64) -> Result<(Journal, Vec<Vec<u8>>), OpenError> {
    let mut records = Vec::new();
    let journal = Journal::open(Arc::new(disk.clone()), &options(), after, |_, body| {
        records.push(body.to_vec());
        Ok::<_, OpenError>(())
    })?;
    Ok((journal, records))
}

/// Returns a disk with a log of records, each in a group of its own, and the records.
fn written(count: u8) -> (SimDisk, Vec<Vec<u8>>) {
    let disk = SimDisk::default();
    let (journal, _) = open(&disk).unwrap();
    let records: Vec<_> = (0..count).map(|index| vec![index; 50]).collect();
    for record in &records {
        journal.append(record.clone()).unwrap().wait().unwrap();
    }
    journal.close().unwrap();
    (disk, records)
}

fn refusal(disk: &SimDisk) -> OpenError {
    match open(disk) {
        Ok((_, records)) => panic!("opened with {} records", records.len()),
        Err(error) => error,
    }
}

/// Checks that an error says one thing and advises another.
fn says(error: &impl Debug, text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in `{text}`: {error:?}");
    }
}

#[test]
fn records_come_back_in_order_over_many_segments() {
    let (disk, records) = written(40);
    assert!(disk.files().len() > 5);
    let (journal, found) = open(&disk).unwrap();
    assert_eq!(found, records);
    assert_eq!((journal.durable(), journal.last().sequence()), (40, 40));
    assert_eq!(open_after(&disk, 33).unwrap().1, records[33..]);
}

#[test]
fn many_records_share_one_sync() {
    let disk = SimDisk::default();
    let (journal, _) = open(&disk).unwrap();
    let go = hold_writer(&journal);
    let before = disk.steps();
    let tickets: Vec<_> = (0..100).map(|_| journal.append(vec![1]).unwrap()).collect();
    go.send(()).unwrap();
    tickets.last().unwrap().wait().unwrap();
    assert!(tickets.iter().all(weft_journal::Ticket::is_durable));
    // Write, sync, mark.
    assert_eq!(disk.steps() - before, 3);
}

/// Keeps the writer from its work until the sender is used or dropped.
fn hold_writer(journal: &Journal) -> mpsc::Sender<()> {
    let here = thread::current().id();
    loop {
        let (go, wait) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        journal.append(vec![0]).unwrap().when_durable(move |_| {
            let is_writer = thread::current().id() != here;
            tell.send(is_writer).unwrap();
            if is_writer {
                wait.recv().unwrap_or(());
            }
        });
        // A record that was on disk at once has no callback on the writer's thread.
        if told.recv().unwrap() {
            return go;
        }
    }
}

#[test]
fn callbacks_come_in_order_and_late_ones_at_once() {
    let (disk, _) = written(0);
    let (journal, _) = open(&disk).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut tickets = Vec::new();
    for index in 0..200u32 {
        let ticket = journal.append(vec![1; 10]).unwrap();
        let seen = Arc::clone(&seen);
        ticket.when_durable(move |result| {
            result.unwrap();
            seen.lock().unwrap().push(index);
        });
        tickets.push(ticket);
    }
    journal.last().wait().unwrap();
    assert_eq!(*seen.lock().unwrap(), (0..200).collect::<Vec<_>>());
    tickets[0].wait().unwrap();
}

#[test]
fn a_flipped_bit_anywhere_but_in_the_last_mark_is_refused() {
    let (disk, records) = written(12);
    for (name, len) in disk.files() {
        let is_last = disk.files().last().unwrap().0 == name;
        for at in 0..len {
            let whole = disk.read(&name).unwrap();
            disk.damage(&name, |bytes| bytes[at] ^= 1 << (at % 8));
            let result = open(&disk);
            disk.damage(&name, |bytes| *bytes = whole);
            // The mark at the very end says only what the records before it say.
            if is_last && at >= len - 25 {
                let (_, found) = result.unwrap();
                assert_eq!(found, records);
                continue;
            }
            let error = result.expect_err(&format!("{name} byte {at}"));
            let text = error.to_string();
            assert!(text.contains("restore") || text.contains("missing"), "{text}");
        }
    }
}

#[test]
fn damage_is_named_with_its_place() {
    let (disk, _) = written(12);
    disk.damage(FIRST, |bytes| bytes[58 + 75 + 25 + 30] ^= 1);
    let error = refusal(&disk);
    assert!(matches!(error, OpenError::Damaged { sequence: 2, offset: 158, .. }), "{error:?}");
    says(&error, &error.to_string(), &[FIRST, "byte 158", "record 2", "restore the file"]);
}

#[test]
fn a_torn_tail_is_cut_off() {
    for cut in 1..=99 {
        let (disk, records) = written(3);
        let (name, len) = disk.files().pop().unwrap();
        disk.damage(&name, |bytes| bytes.truncate(len - cut));
        let (journal, found) = open(&disk).unwrap();
        let left = if cut <= 25 { 3 } else { 2 };
        assert_eq!(found, records[..left], "cut {cut}");
        journal.append(vec![9]).unwrap().wait().unwrap();
        drop(journal);
        assert_eq!(open(&disk).unwrap().1.last().unwrap(), &[9]);
    }
}

#[test]
fn garbage_after_the_end_is_cut_off() {
    let (disk, records) = written(3);
    let (name, _) = disk.files().pop().unwrap();
    disk.damage(&name, |bytes| bytes.extend([0; 300]));
    assert_eq!(open(&disk).unwrap().1, records);
    disk.damage(&name, |bytes| bytes.extend([0xff; 77]));
    assert_eq!(open(&disk).unwrap().1, records);
}

#[test]
fn frames_inside_a_record_prove_nothing() {
    // A log with other salts: its frames are what somebody could write into a transaction.
    let (other, _) = written(5);
    let mut bait = other.read(FIRST).unwrap();
    bait.drain(..58);
    let disk = SimDisk::default();
    let (journal, _) = open(&disk).unwrap();
    journal.append(bait).unwrap().wait().unwrap();
    drop(journal);
    // The record is torn at its head, so everything in it is looked at.
    disk.damage(FIRST, |bytes| {
        bytes[60] ^= 1;
        bytes.truncate(bytes.len() - 25);
    });
    assert_eq!(open(&disk).unwrap().1, Vec::<Vec<u8>>::new());
}

#[test]
fn a_log_of_another_realm_is_refused() {
    let (disk, _) = written(1);
    let other = Options::new([8; 32]);
    let result = Journal::open(Arc::new(disk), &other, 0, |_, _| Ok::<_, OpenError>(()));
    let error = result.unwrap_err();
    assert!(matches!(error, OpenError::OtherRealm { .. }), "{error:?}");
    says(&error, &error.to_string(), &["another realm", "data directory"]);
}

#[test]
fn a_missing_segment_is_refused() {
    let (disk, _) = written(40);
    let names: Vec<_> = disk.files().into_iter().map(|(name, _)| name).collect();
    for missing in [0, 1, names.len() - 1] {
        let (disk, _) = written(40);
        disk.remove(&names[missing]).unwrap();
        let error = refusal(&disk);
        assert!(matches!(error, OpenError::MissingSegment { .. }), "{missing}: {error:?}");
        says(&error, &error.to_string(), &["missing", &names[missing]]);
    }
}

#[test]
fn a_state_ahead_of_its_log_is_refused() {
    let (disk, _) = written(3);
    let error = open_after(&disk, 4).unwrap_err();
    assert!(matches!(error, OpenError::TooShort { last: 3, needed: 4 }), "{error:?}");
    let error = open_after(&SimDisk::default(), 1).unwrap_err();
    assert!(matches!(error, OpenError::TooShort { last: 0, needed: 1 }), "{error:?}");
}

#[test]
fn foreign_files_are_told_from_segments() {
    let (disk, records) = written(2);
    disk.create("notes.txt").unwrap();
    assert_eq!(open(&disk).unwrap().1, records);
    disk.create("7.log").unwrap();
    assert!(matches!(refusal(&disk), OpenError::NotASegment { .. }));
    disk.remove("7.log").unwrap();
    disk.damage(FIRST, |bytes| bytes[..8].copy_from_slice(b"notalog\n"));
    assert!(matches!(refusal(&disk), OpenError::NotASegment { .. }));
}

#[test]
fn a_segment_in_another_place_is_refused() {
    let (disk, _) = written(40);
    let names: Vec<_> = disk.files().into_iter().map(|(name, _)| name).collect();
    let second = disk.read(&names[1]).unwrap();
    disk.damage(&names[2], |bytes| *bytes = second);
    assert!(matches!(refusal(&disk), OpenError::NotASegment { .. }));
}

#[test]
fn removed_segments_are_not_missed() {
    let (disk, records) = written(40);
    let (journal, _) = open(&disk).unwrap();
    let before = disk.files().len();
    journal.remove_before(21);
    journal.append(vec![40; 50]).unwrap().wait().unwrap();
    journal.close().unwrap();
    assert!(disk.files().len() < before);
    let error = refusal(&disk);
    assert!(matches!(error, OpenError::MissingSegment { expected: 1 }), "{error:?}");
    let (_, found) = open_after(&disk, 20).unwrap();
    assert_eq!(found, [&records[20..], &[vec![40; 50]]].concat());
}

#[test]
fn the_written_segment_is_never_removed() {
    let (disk, _) = written(40);
    let (journal, _) = open(&disk).unwrap();
    journal.remove_before(u64::MAX);
    journal.append(vec![1]).unwrap().wait().unwrap();
    journal.close().unwrap();
    assert_eq!(disk.files().len(), 1);
    assert_eq!(open_after(&disk, 40).unwrap().1, [[1]]);
}

/// Appends until the log is poisoned; returns how many records were confirmed and why it stopped.
fn write_until_poisoned(journal: &Journal) -> (usize, Poisoned) {
    for confirmed in 0.. {
        let done = journal.append(vec![confirmed as u8; 50]).and_then(|ticket| ticket.wait());
        if let Err(poison) = done {
            return (confirmed, poison);
        }
    }
    unreachable!("the disk fails in the end")
}

#[test]
fn a_full_disk_stops_the_log_for_good() {
    let disk = SimDisk::default();
    let (journal, _) = open(&disk).unwrap();
    disk.set_fault(Some(Fault::FullAfter(1000)));
    let (confirmed, poison) = write_until_poisoned(&journal);
    // Room again changes nothing: what happened to the last write is unknown.
    disk.set_fault(None);
    assert_eq!(journal.append(vec![1]).unwrap_err(), poison);
    assert_eq!(journal.last().wait().unwrap_err(), poison);
    assert_eq!(journal.failure(), Some(poison.clone()));
    assert_eq!(journal.close().unwrap_err(), poison);
    let (_, found) = open(&disk).unwrap();
    assert!(found.len() >= confirmed, "{} of {confirmed}", found.len());
}

#[test]
fn a_failed_sync_is_not_tried_again() {
    let disk = SimDisk::default();
    let (journal, _) = open(&disk).unwrap();
    disk.set_fault(Some(Fault::SyncFails(disk.steps() + 5)));
    let (confirmed, poison) = write_until_poisoned(&journal);
    assert_eq!(confirmed, 1);
    says(&poison, &poison.to_string(), &["input/output error"]);
    let steps = disk.steps();
    assert!(journal.append(vec![1]).is_err());
    drop(journal);
    assert_eq!(disk.steps(), steps, "nothing is written after the error");
}

#[test]
fn what_a_failed_sync_left_in_memory_is_written_again() {
    let disk = SimDisk::default();
    let (journal, _) = open(&disk).unwrap();
    disk.set_fault(Some(Fault::SyncFails(disk.steps() + 5)));
    write_until_poisoned(&journal);
    drop(journal);
    disk.set_fault(None);
    // The page cache still shows the second record, though it never reached the disk.
    let (journal, found) = open(&disk).unwrap();
    assert_eq!(found.len(), 2);
    drop(journal);
    disk.cut_power(&mut |_| 0);
    assert_eq!(open(&disk).unwrap().1.len(), 2);
}

#[test]
fn an_error_of_the_visitor_is_passed_on() {
    #[derive(Debug)]
    enum Refused {
        Log(OpenError),
        Mine,
    }
    impl From<OpenError> for Refused {
        fn from(error: OpenError) -> Self {
            Self::Log(error)
        }
    }
    let (disk, _) = written(3);
    let visit = |sequence, _: &[u8]| if sequence == 2 { Err(Refused::Mine) } else { Ok(()) };
    let result = Journal::open(Arc::new(disk), &options(), 0, visit);
    assert!(matches!(result, Err(Refused::Mine)), "{result:?}");
    let disk = SimDisk::default();
    disk.create("x.log").unwrap();
    let result = Journal::open(Arc::new(disk), &options(), 0, |_, _| Err(Refused::Mine));
    let refused = result.unwrap_err();
    assert!(
        matches!(&refused, Refused::Log(why) if why.to_string().contains("x.log")),
        "{refused:?}"
    );
}

#[test]
fn segments_before_what_is_asked_for_are_not_read() {
    let (disk, records) = written(40);
    let files = disk.files();
    assert!(files.len() > 4, "{files:?}");
    disk.damage(FIRST, |bytes| bytes.clear());
    let (journal, found) = open_after(&disk, 30).unwrap();
    assert_eq!(found, records[30..]);
    journal.append(vec![1]).unwrap().wait().unwrap();
    drop(journal);
    assert_eq!(open_after(&disk, 40).unwrap().1, [[1]]);
    // What is asked for is read.
    assert!(matches!(open_after(&disk, 0), Err(OpenError::NotASegment { .. })));
}
