// Reads lines, mines them with drain-rs, with masks if the first argument is "masks"; prints
// seconds of the best of five runs.
use std::io::Read;
use std::time::Instant;

fn tree(masks: bool) -> drain_rs::DrainTree {
    let tree = drain_rs::DrainTree::new().max_depth(4).max_children(100).min_similarity(0.5);
    if !masks {
        return tree;
    }
    let mut grok = grok::Grok::with_patterns();
    tree.filter_patterns(vec!["blk_(|-)[0-9]+", "%{IPV4:ip_address}", "%{NUMBER:number}"])
        .build_patterns(&mut grok)
}

fn main() {
    let masks = std::env::args().nth(1).as_deref() == Some("masks");
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let mut best = f64::MAX;
    let mut clusters = 0;
    for _ in 0..5 {
        let mut tree = tree(masks);
        let start = Instant::now();
        for line in &lines {
            tree.add_log_line(line);
        }
        best = best.min(start.elapsed().as_secs_f64());
        clusters = tree.log_groups().len();
    }
    println!("{} {}", best, clusters);
}
