// Every message of the storefront with the arguments its wording may name.
// Included by `messages.rs`; worded in `locales/<language>.toml`.
messages! {
    phrases {
        // frame
        skip_to_content menu home search search_label search_placeholder search_again account your_things main_places
        departments all_departments in_this_section help contact we_accept language breadcrumbs pages page_previous page_next
        // home
        shop_by_department bats_by_weight bats_by_weight_text workshop workshop_text promises
        // list
        filters filters_in_force filters_clear filter_remove show_results sort sort_go layout_grid layout_table
        range_from range_to product price nothing_found nothing_found_text nothing_found_filtered corrected
        // product
        price_now price_before rating_label zoom close size_guide add_ons not_returnable quantity one_less one_more add_to_cart added_to_cart
        view_cart add_failed about_product kit_parts specification related sku
        stock_in stock_low stock_backorder stock_preorder stock_out stock_elsewhere
        // sizes
        size_guide_offered size_head size_height size_hand size_chest size_harrow size_short_handle size_long_handle size_boys size_youth size_men size_men_large size_note_bat size_note_pad size_note_glove size_note_clothing
        // side by side
        compare compare_this compare_text compare_go compare_table compare_empty compare_empty_text compare_one compare_legend compare_differs compare_add compare_add_go rating
        // basket
        cart cart_empty cart_empty_text update remove subtotal discount shipping shipping_unknown shipping_free total
        total_estimated gift_cards amount_due check_out cannot_check_out estimate_delivery estimate country postal_code
        // checkout
        checkout_secure checkout_steps back_to_cart order_summary have_coupon apply change
        step_contact step_delivery step_payment step_review
        guest_hint continue_to_delivery saved_addresses another_address delivery_address delivery_options
        show_delivery_options refresh_delivery_options continue_to_payment how_to_pay billing_address billing_same
        billing_other continue_to_review terms_by_ordering placing_order working not_deliverable_hint
        not_deliverable_text we_deliver_to
        // order
        order_thanks order_pending order_pending_text order_failed order_failed_text order_awaiting order_awaiting_text transfer_to transfer_reference transfer_account
        order_in_progress order_in_progress_text order_shipped order_shipped_text order_delivered order_delivered_text
        order_cancelled order_cancelled_text order_expired order_expired_text check_again pay_again order_progress
        parcels order_lines payments register_with_order cancel_order cancel_order_text cancel_order_confirm
        look_up look_up_text look_up_go
        // papers
        invoice tax_invoice credit_note issued_on for_invoice tax credited goodwill all_not_credited erased back_to_order print
        // account
        sign_in sign_out email password forgot_password no_account have_account register register_text guest_text
        guest_go terms_by_registering profile orders addresses no_orders no_orders_text no_addresses no_addresses_text
        country_changed fields_renewed address_default address_new address_edit edit save cancel optional choose
        // address fields
        field_name field_company field_phone field_line1 field_line2 field_locality field_city field_town field_suburb
        field_region field_county field_state field_postal_code field_postcode field_pin_code field_zip_code
        // problems
        problem_forbidden problem_forbidden_text problem_not_found problem_not_found_text problem_conflict
        problem_conflict_text problem_busy problem_busy_text problem_unavailable problem_unavailable_text
        problem_request problem_request_text problem_internal problem_internal_text to_home request_id
        // said by handlers
        page_delivery page_returns page_privacy page_terms page_contact read_more yes no badge_new home_headline home_text home_new home_new_more promise_delivery promise_returns promise_contact sort_match sort_featured sort_price_up sort_price_down sort_newest sort_rating sort_name facet_category facet_brand facet_stock in_stock_only no_price line_gone combination_gone pay_manual
        note_out_of_stock note_not_for_sale note_cart_expired note_cart_changed note_delivery_gone note_saved note_address_saved note_address_removed note_signed_out note_order_cancelled note_too_late_to_cancel note_payment_running note_password_changed error_required error_text error_email error_email_taken error_phone error_region error_country error_choose_delivery error_choose_payment error_total_changed error_sent_twice error_note_long error_cart_full error_credentials email_hint phone_hint order_note order_number look_up_failed consent_marketing address_as_default pay_manual_text pay_test pay_test_text pay_card test_card test_card_hint test_card_ok test_card_declined test_card_later test_card_timeout payment_paid payment_pending payment_awaited payment_voided payment_refund refund_pending refund_done refund_failed decline_funds decline_expired decline_unreachable decline_other step_placed step_paid step_ready step_sent step_arrived step_cancelled step_expired status_unpaid status_in_hand parcel_packed parcel_sent parcel_arrived parcel_lost
        reset_title reset_text reset_send reset_link_over note_reset_sent
        verify_title verify_text verify_go verify_over verify_again unverified note_email_verified note_verify_sent
    }
    sentences {
        results_for(term)
        weight_up_to(weight)
        sort_up(what)
        sort_down(what)
        weight_from(weight)
        price_from(price)
        price_each(price)
        size_feet(feet)
        size_feet_inches(feet, inches)
        size_up_to(end)
        size_over(start)
        compare_pick(name)
        compare_chosen(count, most)
        price_with_tax(tax)
        price_without_tax(tax)
        lowest_price(price)
        stock_preorder_from(date)
        delivered_to(place)
        not_deliverable(place)
        arrives(days)
        of_which(tax)
        held_until(time)
        place_order(amount)
        pay(amount)
        order_title(number)
        order_thanks_text(email)
        order_failed_text_until(time)
        updated_on(date)
        tax_on(tax, amount)
        tax_number(number)
        registration_number(number)
        // said by handlers
        home_see(department)
        home_description(shop)
        category_description(department, shop)
        choose_first(what)
        error_postal_code(example)
        error_quantity(most)
        signed_in_as(email)
        parcel(number, all)
        promise_free(amount)
    }
    counted {
        items()
        bats()
        results()
        results_at_least()
        compare_full()
        stock_left()
        adds_days()
        fields_wrong()
        try_again_in()
        // said by handlers
        only_left()
        pieces_cancelled()
        pieces_returned()
        password_hint()
        error_password()
        and_more(first)
    }
}
