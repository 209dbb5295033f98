//! `weft sim` with executors in processes of their own, which see nothing but encoded bytes.

use crate::support::weft;

#[test]
fn rollups_in_processes_reach_what_joint_execution_reaches() {
    // One history in sixteen runs rollups elsewhere.
    let ran = weft(&["sim", "--processes", "--seed", "1", "--histories", "48"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    let counted = |feature: &str| {
        let line = ran.out.lines().find(|line| line.ends_with(feature));
        line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok())
    };
    assert_eq!(counted("rollups behind byte streams (P7)"), Some(3));
    assert!(counted("bundle with legs calling both ways").is_some_and(|count| count > 0));
}
