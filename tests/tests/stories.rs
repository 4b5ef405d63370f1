//! Every story on every stage: on pure apply, on three nodes with a change of leader, and over HTTP.

use gearify_commerce::Shard;
use gearify_tests::acts::{Act, owner};
use gearify_tests::files::holding;
use gearify_tests::over_http::MARKS;
use gearify_tests::{Cluster, OverHttp, Pure, Scenario, Telling};

mod tales;

/// Tells a story on three nodes, through a follower; before its middle act the leader is cut off.
fn on_three_nodes(rehearse: impl FnOnce(&mut Scenario<Pure>), tell: impl FnOnce(&mut Scenario<Cluster>)) {
    let mut rehearsal = Scenario::new();
    rehearse(&mut rehearsal);
    let mut cluster = Cluster::three();
    cluster.raise(Shard::FIRST);
    cluster.change_leader_before(rehearsal.acts() / 2 + 1);
    let mut shop = Scenario::on(cluster);
    tell(&mut shop);
    assert_eq!(shop.story(), rehearsal.story());
    assert_eq!(shop.stage.changes(), 1, "the leader changed once");
    assert!(shop.stage.forwarded() > rehearsal.acts(), "a follower took the requests");
    shop.stage.agreed();
    let first = shop.stage.projections(1);
    assert!(first.iter().any(|(table, (rows, _))| table.starts_with("ledger.db") && *rows > 0));
    assert_eq!(first, shop.stage.projections(2));
    assert_eq!(first, shop.stage.projections(3));
    shop.stage.stop();
}

/// Tells a story over HTTP to the real binary, and looks its files over in the end.
fn over_http(tell: impl FnOnce(&mut OverHttp)) {
    let mut shop = OverHttp::new();
    tell(&mut shop);
    let premises = shop.close();
    assert_eq!(holding(&premises.data(), &MARKS), [], "people's texts are sealed wherever they lie");
    assert_eq!(holding(&premises.log(), &MARKS), []);
}

macro_rules! tell {
    (everywhere: $($everywhere:ident),+; where_time_passes: $($timed:ident),+;) => {
        mod pure {
            $(#[test] fn $everywhere() { insta::allow_duplicates!(super::tales::$everywhere(&mut gearify_tests::Scenario::new())) })+
            $(#[test] fn $timed() { insta::allow_duplicates!(super::tales::$timed(&mut gearify_tests::Scenario::new())) })+
        }
        mod three_nodes {
            use super::{on_three_nodes, tales};
            $(#[test] fn $everywhere() { insta::allow_duplicates!(on_three_nodes(tales::$everywhere, tales::$everywhere)) })+
            $(#[test] fn $timed() { insta::allow_duplicates!(on_three_nodes(tales::$timed, tales::$timed)) })+
        }
        mod http {
            use super::{over_http, tales};
            $(#[test] fn $everywhere() { insta::allow_duplicates!(over_http(tales::$everywhere)) })+
        }
    };
}

tell! {
    everywhere:
        the_last_ball_goes_to_whoever_pays_first,
        a_declined_card_keeps_order_and_stock_for_another_try,
        a_transfer_is_received_by_hand_and_shipped_in_parts,
        refunds_in_parts_end_at_exactly_what_was_paid,
        add_ons_are_part_of_the_price_and_make_a_line_of_their_own,
        an_order_leaves_from_the_warehouse_that_has_all_of_it,
        a_request_that_comes_again_is_answered_as_it_was_and_acts_once,
        a_pending_payment_is_decided_by_the_providers_word,
        a_hold_is_kept_for_whoever_has_it,
        no_more_pieces_are_put_back_than_left,
        a_backordered_thing_is_sold_beyond_stock_and_leaves_when_it_comes,
        a_preordered_thing_is_sold_before_it_is_there,
        papers_are_numbered_as_they_are_issued,
        a_line_is_sent_from_the_house_that_staff_choose;
    where_time_passes:
        a_hold_keeps_the_last_ball_until_it_ends,
        an_unpaid_order_expires_and_its_stock_sells_again,
        a_late_capture_takes_the_stock_again_or_gives_the_money_back,
        what_is_captured_a_second_time_goes_back,
        an_order_that_lapses_gives_back_the_part_that_was_paid,
        a_transfer_instead_of_a_declined_card_has_its_week;
}

#[test]
fn replaying_the_log_ends_in_the_same_state() {
    let mut shop = Scenario::new();
    shop.product("BAT", "249.00").stock("BAT", 3);
    let (ada, bob) = (shop.shopper("ada"), shop.shopper("bob"));
    shop.run([ada.adds("BAT", 2), ada.pays(), bob.adds("BAT", 2), bob.pays(), owner::ships(&ada)]);
    shop.run([owner::refunds(&ada, 1, true), Act::Minutes(60 * 24 * 40)]);
    let replica = Pure::replay(&shop.stage.log);
    assert_eq!(replica.rows(), shop.stage.rows());
    assert_eq!(replica.events, shop.stage.events);
}
