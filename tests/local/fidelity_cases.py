"""The cases and tests that show the rows of the table of fidelity that are simulated.

Each row is named by its service and its first words. A proof is the name of a case, or `FILE::FUNCTION` in this folder.
"""

SHOWN: dict[tuple[str, str], tuple[str, ...]] = {
    ("anything else", "A call with the idempotency"): (
        "a second route table with the same client token is the first one",
    ),
    ("anything else", "An idempotency token is"): (
        "a client token is accepted again with the same parameters, and refused with others",
        "tokens of different secrets are different ones",
    ),
    ("EC2 and VPC", "An id that a call names twice"): ("an id that is named twice counts once",),
    ("Account", "An account with"): ("test_account_plans.py::test_an_account_with_credits_shows_when_it_was_opened",),
    ("Amazon MQ", "A broker takes"): (
        "a broker can be deleted or rebooted only while it runs",
        "test_provisioning.py::test_the_event_log_has_each_end_of_provisioning_with_its_duration",
    ),
    ("Amazon MQ", "A new engine"): ("a new instance type of a broker waits for its reboot or its maintenance window",),
    ("Amazon MQ", "Operations on a"): ("operations on a missing broker are refused",),
    ("Amazon MQ", "The description of a broker"): (
        "descriptions of replication groups, brokers, user pools and clients have the members that AWS always returns",
    ),
    ("Amazon MQ", "The description of a RabbitMQ"): ("a broker is described with its endpoint",),
    ("Amazon MQ", "The name of"): (
        "the name of a broker is unique",
        "a broker name with white space is refused",
        "RabbitMQ 4 runs on m7g only",
    ),
    ("Amazon MQ", "The options of"): (
        "test_quotas.py::test_offers_of_databases_and_brokers_are_those_that_can_be_created",
    ),
    ("Amazon MQ", "The settings of"): (
        "a broker with a deployment mode of another engine is refused",
        "a broker with a version that does not exist is refused",
        "a broker with a short password is refused",
        "a broker with no user is refused",
        "a broker with an absent subnet is refused",
    ),
    ("Application Auto Scaling", "A call that"): (
        "a missing scalable target or policy is ObjectNotFoundException",
        "operations on missing resources of other services are refused",
    ),
    ("Application Auto Scaling", "A scheduled action"): (
        "test_scaling_policies.py::test_scheduled_actions_set_the_bounds",
        "test_scaling_policies.py::test_the_next_time_of_a_schedule",
    ),
    ("Application Auto Scaling", "A target tracking"): (
        "an updated scaling policy keeps its ARN and its alarms",
        "the alarms of target tracking are at its target and at 90 percent of it",
    ),
    ("Application Auto Scaling", "Deregistering a scalable"): (
        "deregistering a scalable target deletes its policies, but not the alarm of a step policy",
    ),
    ("Application Auto Scaling", "Scaling activities of"): ("scaling activities are described",),
    ("Application Auto Scaling", "Scaling policies change"): (
        "test_scaling_policies.py::test_a_spike_scales_a_service_from_two_tasks_to_four_and_back",
    ),
    ("Application Auto Scaling", "The maximum of"): (
        "the maximum of a scalable target is not below its minimum",
        "test_scaling_policies.py::test_bounds_that_exclude_the_capacity_change_it_at_once",
    ),
    ("AWS Budgets", "A budget has actual"): (
        "test_budgets.py::test_the_spend_of_a_budget_is_the_bill_of_all_regions",
        "test_budgets.py::test_the_history_of_a_budget_lists_its_periods",
        "test_budgets.py::test_a_budget_counts_the_charges_that_pass_its_filters",
    ),
    ("AWS Budgets", "A budget has at"): (
        "test_budgets.py::test_a_budget_has_at_most_ten_notifications_with_ten_addresses",
    ),
    ("AWS Budgets", "Budgets are compared"): (
        "test_budgets.py::test_a_topic_whose_policy_allows_it_gets_the_message",
        "test_budgets.py::test_a_day_has_three_evaluations_and_none_without_notifications",
    ),
    ("Billing", "A DB instance"): (
        "test_metering.py::test_a_database_is_charged_from_when_it_is_available",
        "test_metering.py::test_a_stopped_database_costs_only_its_storage",
    ),
    ("Billing", "A broker is"): ("test_metering.py::test_a_broker_is_charged_from_when_it_runs_until_it_is_deleted",),
    ("Billing", "A cache node"): ("test_metering.py::test_a_cache_costs_whole_hours_until_it_is_deleted",),
    ("Billing", "A free plan"): (
        "test_account_plans.py::test_the_account_is_closed_when_its_credits_are_spent_and_never_charged",
        "test_account_plans.py::test_the_account_is_closed_after_six_months_with_credits_left",
        "test_account_plans.py::test_an_upgrade_opens_a_closed_account_with_its_resources",
        "test_account_plans.py::test_a_closed_account_cannot_be_opened_after_90_days",
    ),
    ("Billing", "An alarm is"): (
        "test_metering.py::test_an_alarm_costs_each_of_its_metrics",
        "test_metering.py::test_a_custom_metric_is_charged_in_the_hours_with_data",
    ),
    ("Billing", "Buckets are charged"): (
        "test_metering.py::test_a_bucket_costs_its_contents_with_old_versions_and_unfinished_uploads",
        "test_metering.py::test_requests_have_two_tiers_and_deleting_is_free",
    ),
    ("Billing", "Costs are up"): (
        "test_cost_explorer_api.py::test_the_current_hour_is_complete_up_to_now_and_future_hours_are_empty",
        "test_rating.py::test_allowances_are_renewed_each_month_and_the_legacy_free_tier_ends_after_twelve",
    ),
    ("Billing", "Images are charged"): ("test_metering.py::test_a_shared_layer_of_images_counts_once",),
    ("Billing", "Instances are charged"): (
        "test_ec2_metering.py::test_an_instance_is_charged_for_at_least_a_minute",
        "test_ec2_metering.py::test_a_stopped_instance_costs_only_its_volume",
    ),
    ("Billing", "Load balancers are"): (
        "test_ec2_metering.py::test_a_load_balancer_costs_whole_hours_and_an_address_in_each_subnet",
        "test_ec2_metering.py::test_traffic_costs_capacity_units_and_bytes",
    ),
    ("Billing", "Logs are charged"): ("test_metering.py::test_logs_cost_ingestion_and_compressed_storage",),
    ("Billing", "NAT gateways are"): (
        "test_ec2_metering.py::test_a_nat_gateway_costs_whole_hours_until_it_is_deleted",
    ),
    ("Billing", "On the free"): (
        "test_account_plans.py::test_the_free_plan_launches_only_its_own_instance_types",
        "test_account_plans.py::test_the_free_plan_allows_micro_databases_with_a_day_of_backups",
        "test_account_plans.py::test_eligible_instance_types_depend_on_the_account_and_region",
    ),
    ("Billing", "Tasks on Fargate are"): (
        "test_metering.py::test_a_task_on_fargate_costs_its_vcpus_memory_and_address_until_it_has_stopped",
        "test_metering.py::test_a_task_on_fargate_costs_at_least_a_minute",
    ),
    ("Billing", "Public IPv4 addresses"): (
        "test_ec2_metering.py::test_an_address_is_charged_while_its_instance_runs_and_an_elastic_one_always",
        "test_rating.py::test_an_address_costs_nothing_before_february_2024",
    ),
    ("Cloud Map", "A service with"): (
        "a Cloud Map service is deleted after its instances, and a namespace after its services",
    ),
    ("Cloud Map", "Operations on a"): ("operations on missing resources of other services are refused",),
    ("Cloud Map", "The creation and"): ("test_provisioning.py::test_getting_a_cloud_map_operation_waits_for_its_end",),
    ("Cloud Map", "The names of"): ("names of Cloud Map namespaces and services are unique",),
    ("Cloud Map", "The running tasks"): ("test_effects.py::test_the_tasks_of_a_service_are_discovered_while_they_run",),
    ("CloudFormation", "Executing a change"): ("test_doors.py::test_odd_parameters_are_refused_by_the_service",),
    ("CloudFormation", "The resources of"): (
        "test_instances_of_groups.py::test_the_resources_of_a_stack_behave_like_others",
    ),
    ("CloudTrail", "Every changing management"): (
        "test_cloud_trail.py::test_a_changing_call_is_an_event_with_its_caller_and_its_resources",
        "test_cloud_trail.py::test_a_refused_call_is_an_event_with_its_error",
        "test_cloud_trail.py::test_no_secret_is_in_an_event",
    ),
    ("CloudTrail", "Of more than"): (
        "test_history.py::test_records_are_dropped_when_their_time_is_over_or_when_there_are_too_many",
        "test_history.py::test_an_answer_that_lacks_older_events_says_so",
    ),
    ("CloudTrail", "LookupEvents returns the"): (
        "test_cloud_trail.py::test_the_newest_event_is_first_and_pages_continue_where_they_ended",
        "test_cloud_trail.py::test_events_are_kept_for_ninety_days",
    ),
    ("CloudTrail", "Selectors are read"): ("selectors are those of a trail; event data stores are not simulated",),
    ("CloudWatch", "With `--run`, the requests"): (
        "test_carried_requests.py::test_requests_that_are_carried_are_counted_by_load_balancer_and_target_group",
        "test_carried_requests.py::test_a_request_for_which_no_target_was_chosen_is_counted_by_its_response_alone",
        "test_carried_requests.py::test_requests_that_are_carried_scale_a_service",
        "../data_plane/test_request_counts.py::test_what_a_load_balancer_carries_is_what_it_counts",
    ),
    ("CloudWatch", "A dashboard needs"): ("a dashboard needs a valid name, and widgets with their properties",),
    ("CloudWatch", "Alarms are evaluated"): (
        "test_alarms.py::test_reasons_are_those_of_aws",
        "test_alarms.py::test_the_history_lists_changes_actions_and_the_deletion",
        "test_alarms.py::test_an_alarm_on_a_custom_metric_changes_its_state",
    ),
    ("CloudWatch", "An alarm needs"): ("an alarm that CloudWatch does not take is refused, and not kept",),
    ("CloudWatch", "Composite alarms follow"): ("a composite alarm follows the alarms of its rule, which outlive it",),
    ("CloudWatch", "GetMetricData returns the"): (
        "what differs between the queries is added to the labels",
        "data is read in one unit: the requested one, or the one that CloudWatch prefers",
    ),
    ("CloudWatch", "GetMetricStatistics returns the"): (
        "percentiles and trimmed statistics are computed",
        "a metric is named by exactly its dimensions",
    ),
    ("CloudWatch", "Load balancers, target"): (
        "test_traffic.py::test_metrics_are_listed_and_used_in_expressions",
        "a running instance has a CPU utilization",
    ),
    ("CloudWatch", "Metrics of simulated"): (
        "test_traffic.py::test_metrics_are_listed_and_used_in_expressions",
        "test_traffic.py::test_metric_math_expressions",
    ),
    ("CloudWatch", "PutMetricData takes finite"): ("metric data that CloudWatch does not store is refused, all of it",),
    ("CloudWatch", "Requests for metric"): ("a metrics query that CloudWatch does not have is refused",),
    ("CloudWatch", "Tags of an"): ("operations on a missing secret, key, user pool or alarm are refused",),
    ("CloudWatch Logs", "A batch of"): (
        "test_expiry.py::test_events_beyond_the_retention_are_rejected",
        "a batch of log events is in order and spans at most 24 hours; those that are too old are rejected",
    ),
    ("CloudWatch Logs", "A deleted log"): (
        "a deleted log group is created again by its flow log",
        "a deleted log group is created again by its database",
        "a deleted log group is created again by its broker",
        "a deleted log group is created again by a task with awslogs-create-group",
    ),
    ("CloudWatch Logs", "A query needs"): (
        "a query of logs has log groups and a time range, and a page a valid token",
    ),
    ("CloudWatch Logs", "A subscription filter delivers"): (
        "a subscription filter delivers the events that match its pattern",
    ),
    ("CloudWatch Logs", "Filter patterns have"): (
        "filter patterns match terms, fields and JSON",
        "FilterLogEvents evaluates its pattern",
    ),
    ("CloudWatch Logs", "Filters, tags and"): ("operations on missing resources of other services are refused",),
    ("CloudWatch Logs", "Log events are"): (
        "test_expiry.py::test_log_events_are_deleted_after_the_retention_of_their_group",
    ),
    ("CloudWatch Logs", "Log groups are"): (
        "log groups are listed by pattern, with their class and the number of their filters",
    ),
    ("CloudWatch Logs", "Metric filters make"): ("a metric filter makes metrics from the events that follow",),
    ("Cognito", "A sign-up and"): (
        "test_sign_up.py::test_a_user_confirms_with_the_code_that_was_sent",
        "test_sign_up.py::test_a_code_expires_and_is_sent_again",
        "test_sign_up.py::test_a_forgotten_password_is_replaced_with_a_code",
        "test_sign_up.py::test_a_code_for_a_password_goes_where_the_pool_says",
    ),
    ("Cognito", "A user pool has all"): (
        "a user pool has the standard attributes and its own",
        "an update of a user pool keeps its sign-in attributes",
    ),
    ("Cognito", "A user pool has either"): (
        "test_sign_up.py::test_a_client_has_https_addresses",
        "a user pool has aliases or user names of its own, not both",
    ),
    ("Cognito", "A user pool with"): (
        "a user pool cannot be deleted before its domain",
        "a protected user pool cannot be deleted",
    ),
    ("Cognito", "Descriptions of"): (
        "descriptions of replication groups, brokers, user pools and clients have the members that AWS always returns",
    ),
    ("Cognito", "Resource servers and"): (
        "operations on missing resources of other services are refused",
        "operations on a missing secret, key, user pool or alarm are refused",
    ),
    ("Cognito", "The numbers of"): ("the minimum password length of a user pool is at most 99",),
    ("Cognito", "Users sign in"): (
        "test_sign_up.py::test_users_sign_in_by_the_flows_of_their_client",
        "test_sign_up.py::test_tokens_are_signed_by_the_key_of_the_pool_and_expire",
    ),
    ("Cognito", "Users sign up"): (
        "test_sign_up.py::test_a_sign_up_that_the_pool_does_not_allow_is_refused_and_not_kept",
        "test_sign_up.py::test_a_sign_up_needs_the_required_attributes",
    ),
    ("Cost Explorer", "Costs and usage"): (
        "test_cost_explorer_api.py::test_days_add_up_to_their_month",
        "test_cost_explorer_api.py::test_costs_are_grouped_by_service_and_region_and_add_up",
        "test_cost_explorer_api.py::test_the_current_hour_is_complete_up_to_now_and_future_hours_are_empty",
    ),
    ("Cost Explorer", "Dimension values and"): (
        "test_cost_explorer_api.py::test_dimension_values_are_those_of_the_bill",
        "test_cost_explorer_api.py::test_tags_of_charged_resources_are_cost_allocation_tags_at_once",
    ),
    ("Cost Explorer", "Forecasts continue the"): (
        "test_cost_forecast.py::test_a_forecast_includes_the_end_of_the_free_tier_and_comes_true",
        "test_cost_explorer_api.py::test_steady_usage_is_forecast_to_continue",
        "test_cost_forecast.py::test_credits_are_spent_first_in_a_forecast",
    ),
    ("Data Exports", "CUR 2.0 exports"): (
        "test_data_exports.py::test_an_account_has_at_most_five_exports_with_different_names",
        "test_data_exports.py::test_a_bucket_without_the_policy_is_refused",
        "test_data_exports.py::test_a_report_has_the_columns_of_the_dictionary_with_their_types",
    ),
    ("Data Exports", "The files of"): (
        "test_data_exports.py::test_a_client_that_lists_and_reads_finds_the_listed_file",
    ),
    ("EC2 and VPC", "A NAT gateway has"): (
        "a NAT gateway blocks the internet gateway; its deletion leaves its address and a blackhole route",
        "the interface of a NAT gateway is described with its owner",
    ),
    ("EC2 and VPC", "A NAT gateway is"): (
        "a new NAT gateway is pending, and its address is in use until it is deleted",
    ),
    ("EC2 and VPC", "A VPC cannot"): (
        "a VPC with an endpoint cannot be deleted",
        "a VPC with a peering connection cannot be deleted",
    ),
    ("EC2 and VPC", "A VPC has"): ("a VPC has at most one internet gateway",),
    ("EC2 and VPC", "A launch template"): (
        "a launch template is named by its id or by its name, and warns about what doesn't exist",
    ),
    ("EC2 and VPC", "A network interface"): ("an interface has at most five security groups, which must exist",),
    ("EC2 and VPC", "A new account"): (
        "test_quotas.py::test_a_new_account_runs_five_vcpus",
        "test_quotas.py::test_a_new_account_has_five_of_each_in_a_region",
        "test_quotas.py::test_an_increase_holds_when_it_is_approved",
    ),
    ("EC2 and VPC", "A route to"): (
        "a route to a detached internet gateway is a blackhole",
        "a NAT gateway blocks the internet gateway; its deletion leaves its address and a blackhole route",
    ),
    ("EC2 and VPC", "A rule of"): ("rules of groups and network ACLs have existing protocols, and ports in order",),
    ("EC2 and VPC", "A second RunInstances"): ("a second launch with the same client token launches nothing",),
    ("EC2 and VPC", "A terminated instance"): (
        "a terminated instance is described for an hour",
        "a deleted NAT gateway is described for an hour",
    ),
    ("EC2 and VPC", "The client token"): ("the client token of a terminated instance launches nothing for a day",),
    ("EC2 and VPC", "The tags of a"): ("tags and the default network ACL are deleted with a VPC and its parts",),
    ("EC2 and VPC", "A security group"): (
        "a rule with a referenced group keeps its description and owner",
        "the referenced group of a rule can be changed",
    ),
    ("EC2 and VPC", "A subnet has"): (
        "a subnet is within its VPC, overlaps no other, and has at least 16 addresses",
        "the block of a VPC is between /16 and /28",
        "an IPv6 block of a subnet has a length from 44 to 64; the tenancy of a VPC changes to default only",
    ),
    ("EC2 and VPC", "A volume has"): ("a volume has the size and the IOPS of its type, and does not shrink",),
    ("EC2 and VPC", "An EC2 resource"): (
        "operations on missing EC2 resources are refused",
        "deleted flow logs and egress-only internet gateways are left out of descriptions that name them",
    ),
    ("EC2 and VPC", "An instance is"): ("what does not exist or does not fit can't be launched",),
    ("EC2 and VPC", "An instance takes"): ("a subnet cannot be deleted until its instances are terminated",),
    ("EC2 and VPC", "An instance with"): (
        "stop and termination protection hold from the launch, and end in both spellings",
    ),
    ("EC2 and VPC", "An operation"): (
        "test_request_validation.py::test_a_request_outside_the_model_is_refused_in_the_words_of_the_service",
    ),
    ("EC2 and VPC", "CIDR blocks of"): ("CIDR blocks are stored in their canonical form",),
    ("EC2 and VPC", "DescribeSnapshots returns the"): ("snapshots are described of the named owners only",),
    ("EC2 and VPC", "Descriptions of instances,"): (
        "an instance and its resources have the members that AWS always shows",
    ),
    ("EC2 and VPC", "Every interface has"): ("a subnet of sixteen addresses has eleven, all of its own range",),
    ("EC2 and VPC", "Load balancers, databases,"): (
        "a network load balancer has an interface per subnet, and only the given security groups",
        "a cache has an interface per node, in the preferred zone",
        "a private broker has an interface in each of its subnets",
        "the interfaces of a load balancer outlive it for a while",
        "a database blocks its security group until it is deleted",
    ),
    ("EC2 and VPC", "ModifyInstanceAttribute changes one"): (
        "one attribute of an instance is changed at a time, the type of a stopped one alone",
    ),
    ("EC2 and VPC", "No part of"): (
        "test_deletion_order.py::test_a_deletion_is_refused_exactly_when_the_model_refuses_it",
        "a VPC with another security group cannot be deleted",
        "a security group cannot be deleted while an interface uses it",
    ),
    ("EC2 and VPC", "Reads of resources"): ("reads with a known answer are answered",),
    ("EC2 and VPC", "References between security"): (
        "a reference to a security group of a peered VPC is listed, and is stale without the peering",
    ),
    ("EC2 and VPC", "RunInstances uses all"): (
        "an instance uses all fields of its launch template",
        "the primary interface is deleted with its instance",
    ),
    ("EC2 and VPC", "Secondary addresses are"): (
        "secondary addresses are free ones of the subnet, as many as the instance type allows",
    ),
    ("EC2 and VPC", "Security group rules"): (
        "a security group has at most 60 rules per direction and IP version, added all or none",
        "a duplicate rule is refused whatever its description, with the whole call",
    ),
    ("EC2 and VPC", "The default VPC"): (
        "the default VPC has an internet gateway, and a route to it",
        "a subnet of a VPC that is not the default one is no default subnet",
    ),
    ("EC2 and VPC", "The deletion of"): ("a route table can be deleted after its associated subnet",),
    ("EC2 and VPC", "The groups in"): (
        "new groups of an interface replace those of its instance",
        "new groups of an instance replace those of its interface",
    ),
    ("EC2 and VPC", "The name of"): ("security group names are unique in a VPC and must be valid",),
    ("EC2 and VPC", "The root volume"): ("the root volume is deleted with its instance, another volume stays",),
    ("EC2 and VPC", "The status checks"): ("test_faults.py::test_a_failed_instance_is_impaired_until_it_is_mended",),
    ("EC2 and VPC", "What is not"): ("what is not the id of an instance is malformed",),
    ("EC2 Auto Scaling", "A call that"): (
        "operations on a missing Auto Scaling group are refused",
        "tags of a missing group and instances of no group are refused",
        "an instance of another group is refused",
    ),
    ("EC2 Auto Scaling", "A group has"): ("test_instances_of_groups.py::test_a_new_group_has_its_lifecycle_hooks",),
    ("EC2 Auto Scaling", "A group keeps"): (
        "test_auto_scaling_groups.py::test_settings_of_a_group_are_stored_and_updated",
    ),
    ("EC2 Auto Scaling", "A group launches"): (
        "test_auto_scaling_groups.py::test_the_desired_capacity_follows_the_sizes_and_instances_follow_it",
        "test_auto_scaling_groups.py::test_a_terminated_or_stopped_instance_is_replaced",
        "test_auto_scaling_groups.py::test_a_group_moves_to_its_new_subnets",
    ),
    ("EC2 Auto Scaling", "A group needs"): (
        "test_auto_scaling_groups.py::test_an_instance_of_a_group_follows_the_launch_template",
        "test_instances_of_groups.py::test_a_group_with_an_impossible_setting_is_refused_and_not_kept",
    ),
    ("EC2 Auto Scaling", "A group with"): (
        "test_instances_of_groups.py::test_a_group_with_an_impossible_setting_is_refused_and_not_kept",
    ),
    ("EC2 Auto Scaling", "A launch template"): (
        "a launch template can be deleted while a group uses it",
        "a group without its launch template launches nothing and records a failed activity",
    ),
    ("EC2 Auto Scaling", "A lifecycle hook"): (
        "test_effects.py::test_a_lifecycle_action_is_completed_with_the_token_of_its_event",
    ),
    ("EC2 Auto Scaling", "A scaling policy"): (
        "test_scaling_policies.py::test_target_tracking_of_the_cpu_of_an_auto_scaling_group",
        "test_scaling_policies.py::test_a_simple_policy_of_a_group_waits_for_its_cooldown",
    ),
    ("EC2 Auto Scaling", "A scheduled action"): (
        "test_auto_scaling_groups.py::test_scheduled_actions_stop_a_group_at_night_and_start_it_in_the_morning",
        "test_auto_scaling_groups.py::test_an_action_without_recurrence_runs_once",
    ),
    ("EC2 Auto Scaling", "An instance in"): (
        "test_instances_of_groups.py::test_an_instance_in_standby_can_be_terminated_and_the_group_shrinks",
        "test_instances_of_groups.py::test_an_instance_comes_back_from_standby",
    ),
    ("EC2 Auto Scaling", "An instance is"): (
        "test_instances_of_groups.py::test_an_instance_is_replaced_at_the_end_of_its_lifetime",
    ),
    ("EC2 Auto Scaling", "An instance refresh"): (
        "test_instances_of_groups.py::test_an_instance_refresh_replaces_half_of_the_group_at_a_time",
        "test_instances_of_groups.py::test_an_instance_refresh_is_cancelled_or_rolled_back",
    ),
    ("EC2 Auto Scaling", "ExecutePolicy scales a"): (
        "test_scaling_policies.py::test_a_simple_policy_of_a_group_waits_for_its_cooldown",
        "test_instances_of_groups.py::test_a_cooldown_is_honoured",
    ),
    ("EC2 Auto Scaling", "Only running instances"): (
        "test_instances_of_groups.py::test_a_group_refuses_what_its_sizes_or_its_instances_do_not_allow",
        "test_instances_of_groups.py::test_a_detached_instance_can_join_another_group",
    ),
    ("EC2 Auto Scaling", "SetInstanceHealth respects the"): ("SetInstanceHealth respects the grace period",),
    ("EC2 Auto Scaling", "Termination policies choose"): (
        "test_instances_of_groups.py::test_termination_policies_choose_the_instance",
    ),
    ("EC2 Auto Scaling", "The name of"): (
        "the name of a group is unique",
        "a group with instances can be deleted only with force",
    ),
    ("EC2 Auto Scaling", "The weights of"): (
        "test_instances_of_groups.py::test_the_weights_of_instances_count_toward_the_desired_capacity",
        "test_instances_of_groups.py::test_a_group_scales_in_only_as_far_as_its_weights_allow",
    ),
    ("ECR", "A lifecycle policy"): (
        "test_expiry.py::test_old_images_expire_by_their_tags_and_the_priority_of_the_rules",
        "test_expiry.py::test_images_beyond_the_count_expire_within_a_day",
        "test_expiry.py::test_a_preview_shows_what_would_expire",
    ),
    ("ECR", "An image cannot"): ("operations on missing resources of other services are refused",),
    ("ECR", "An immutable tag"): (
        "filters exclude tags from being immutable, or from being mutable",
        "an immutable tag can't move to another image",
    ),
    ("ECR", "DescribeImages filters by"): ("images are filtered by tag status and described in pages",),
    ("ECR", "Images are scanned"): ("images are scanned when they are pushed",),
    ("ECR", "The digest of"): (
        "the digest of an image is the hash of its manifest",
        "an image whose tag moves on stays, untagged",
    ),
    ("ECR", "The upload of"): ("the upload of a layer ends only with its content, once",),
    ("ECS", "A call names"): ("one call starts at most ten tasks, and describes at most ten services",),
    ("ECS", "A call that"): (
        "operations on a missing cluster are refused",
        "a missing capacity provider is refused",
        "missing container instances are listed as failures",
    ),
    ("ECS", "A capacity provider"): (
        "a capacity provider that a service uses cannot be removed",
        "a capacity provider that a task uses cannot be removed",
        "a capacity provider can be deleted after its cluster",
        "deleting a capacity provider that a cluster uses returns DELETE_FAILED",
    ),
    ("ECS", "A cluster can"): (
        "a cluster with a service cannot be deleted",
        "a cluster with a container instance cannot be deleted",
        "a cluster with a task cannot be deleted",
    ),
    ("ECS", "A container instance"): ("a container instance with tasks can be deregistered only with force",),
    ("ECS", "A deleted task"): ("a deleted task definition exists until nothing uses it",),
    ("ECS", "A deployment fails,"): ("test_ecs.py::test_an_alarm_rolls_a_deployment_back",),
    ("ECS", "A deregistered task"): ("a deregistered task definition cannot be used for new tasks or services",),
    ("ECS", "A service is"): (
        "a service cannot be created twice",
        "the same client token returns the same service",
        "the container and port of a service must be in its task definition",
        "the target group of a service needs a load balancer",
    ),
    ("ECS", "A service keeps"): (
        "a service keeps its deployment configuration",
        "a service keeps its placement strategy",
    ),
    ("ECS", "A service with"): ("a service that can't run is refused",),
    ("ECS", "A task definition has"): ("a task definition that can't run is refused",),
    ("ECS", "A task definition is"): (
        "without security groups, a task's interface has the default group of its VPC and an address of its subnet",
        "a service that can't run is refused",
    ),
    ("ECS", "A task is"): ("a task whose roles are missing, or that ECS can't assume, is not launched",),
    ("ECS", "A task of"): ("a task waits in PROVISIONING until its capacity provider has scaled out",),
    ("ECS", "A task set"): ("a task set runs its share of the desired count, and stops its tasks when it is deleted",),
    ("ECS", "A task starts in"): (
        "test_ecs.py::test_a_stopped_task_is_described_for_an_hour",
        "test_ecs.py::test_a_task_is_pending_then_running_then_stopping_then_stopped",
        "a task keeps running however often it is described",
    ),
    ("ECS", "A task starts only"): (
        "without its secrets, log group, role or network a task stops with the reason of ECS",
        "test_ecs.py::test_a_task_fails_to_start_without_its_image",
    ),
    ("ECS", "An agent registers"): (
        "services, tasks, container instances and task definitions have the members of AWS",
        "a filter lists the container instances that match",
    ),
    ("ECS", "An instance registers only if it reaches"): (
        "test_agents.py::test_an_instance_without_a_public_address_or_a_route_does_not_join",
        "test_agents.py::test_a_private_instance_joins_through_a_nat_gateway",
        "test_agents.py::test_a_private_instance_joins_through_vpc_endpoints_of_all_three_services",
        "test_agents.py::test_an_instance_whose_groups_let_nothing_out_does_not_join",
    ),
    ("ECS", "An instance registers only if its"): (
        "test_agents.py::test_an_instance_without_a_role_does_not_join",
        "test_agents.py::test_a_policy_in_the_role_counts_and_a_denial_wins",
    ),
    ("ECS", "An instance whose"): (
        "test_auto_scaling_groups.py::test_instances_register_with_the_cluster_of_their_user_data",
        "test_auto_scaling_groups.py::test_terminated_instances_are_deregistered_and_new_ones_registered",
        "test_ecs.py::test_an_agent_connects_a_minute_after_its_instance_runs",
        "test_ecs.py::test_tasks_stop_with_their_instance",
    ),
    ("ECS", "Each capacity provider"): (
        "the name and the group of a capacity provider are unique",
        "managed termination protection needs a group with scale-in protection",
        "test_ecs.py::test_instances_with_tasks_are_protected_from_scale_in",
    ),
    ("ECS", "Lists leave out"): (
        "stopped tasks are not listed",
        "a deleted service is not listed",
        "a deleted cluster is not listed",
        "creating an existing cluster returns it",
    ),
    ("ECS", "Managed scaling of"): ("test_ecs.py::test_managed_scaling_follows_the_tasks",),
    ("ECS", "Names of clusters"): ("the name of a cluster or family contains neither spaces nor dots",),
    ("ECS", "Placement constraints and"): (
        "placement constraints use the whole cluster query language",
        "an expression that is not one of the language is refused",
    ),
    ("ECS", "RunTask and StartTask"): (
        "a host port is used by one task per instance; failures list the reason",
        "failures list missing memory and CPU",
        "RunTask explains for each container instance why it takes no task",
    ),
    ("ECS", "A deleted cluster or"): ("a deleted service and cluster are described for a day",),
    ("ECS", "RunTask with the"): ("the same client token returns the same task",),
    ("ECS", "Services, tasks, container"): (
        "services, tasks, container instances and task definitions have the members of AWS",
    ),
    ("ECS", "Task definitions are"): (
        "task definitions are listed by family and revision, optionally the newest first",
    ),
    ("ECS", "The ARN format"): ("a task keeps the form of its ARN when the setting changes",),
    ("ECS", "The service scheduler"): (
        "a service runs its tasks",
        "a service writes events",
        "a deleted service drains first",
        "test_ecs.py::test_a_stopped_task_is_replaced",
        "test_ecs.py::test_a_deployment_replaces_the_tasks_and_keeps_the_minimum_healthy",
    ),
    ("ECS", "Where the services"): (
        "../data_plane/test_tasks.py::test_a_container_ends_with_its_code_and_the_reason_of_ecs",
        "../data_plane/test_tasks.py::test_a_task_whose_process_dies_has_stopped",
        "../data_plane/test_tasks.py::test_a_service_replaces_a_task_whose_container_is_unhealthy",
    ),
    ("Elastic Load Balancing", "With `--run`, an active"): (
        "../data_plane/test_load_balancer_agrees_with_trace.py::test_what_answers_is_what_the_trace_names",
        "../data_plane/test_load_balancer.py::test_a_closed_port_of_a_target_is_a_time_out",
        "../data_plane/test_load_balancer_connections.py::test_a_websocket_passes_messages_both_ways",
        "../data_plane/test_load_balancer_http2.py::test_a_client_that_offers_http2_gets_it_and_is_answered_by_the_same_rules",
        "../data_plane/test_load_balancer_http2_targets.py::test_a_grpc_call_streams_both_ways_and_ends_with_its_trailers",
        "../data_plane/test_load_balancer_clients.py::test_a_client_is_what_aws_would_see",
        "../data_plane/test_load_balancer_access_log.py::test_a_replay_finds_the_rules_that_the_load_balancer_took",
    ),
    ("Elastic Load Balancing", "A call that"): (
        "what does not exist is not found, in any position of a list",
        "a missing listener rule is RuleNotFound",
        "a missing listener is ListenerNotFound",
    ),
    ("Elastic Load Balancing", "A listener has"): (
        "a listener has a protocol of its load balancer, a certificate if it is encrypted, and fitting target groups",
        "the default rule can be neither changed nor given a priority",
        "a load balancer has one listener per port",
        "the default rule cannot be deleted",
    ),
    ("Elastic Load Balancing", "A load balancer"): (
        "a load balancer accepts a listener while it is being provisioned",
    ),
    ("Elastic Load Balancing", "A resource has"): (
        "a resource has at most fifty tags, and a load balancer at most fifty listeners",
    ),
    ("Elastic Load Balancing", "A rule keeps"): (
        "a rule keeps its regular expressions and transforms, until they are reset",
        "the transforms of a rule are validated",
        "test_listener_rules.py::test_a_rewrite_changes_the_path_at_the_target",
    ),
    ("Elastic Load Balancing", "An instance can"): ("two ports of one instance are two targets",),
    ("Elastic Load Balancing", "Health checks decide"): (
        "test_target_health.py::test_checks_time_out_without_a_security_group_rule_and_pass_again_with_it",
        "test_target_health.py::test_a_wrong_health_check_path_gets_404",
        "test_target_health.py::test_a_group_with_grpc_is_checked_by_a_code_of_grpc",
    ),
    ("Elastic Load Balancing", "Load balancers, listeners"): (
        "attributes are those of the type, within their bounds",
        "target groups have the attributes of their protocol, with AWS's defaults",
    ),
    ("Elastic Load Balancing", "Names, schemes, zones,"): (
        "a load balancer's subnets, address type and tags are validated",
        "a protected load balancer cannot be deleted",
        "invalid load balancer names are refused",
        "a load balancer needs existing subnets and security groups",
    ),
    ("Elastic Load Balancing", "Only a running"): ("only a running instance can be registered",),
    ("Elastic Load Balancing", "Rules can exchange"): (
        "rules can exchange their priorities in one call, but not take one in use",
    ),
    ("Elastic Load Balancing", "Rules, listeners and"): (
        "a rule's conditions and actions are described in both forms",
        "a redirect is described with its defaults, and a secret never",
        "creating an identical load balancer or target group returns it",
    ),
    ("Elastic Load Balancing", "Simulated requests arrive"): (
        "test_traffic.py::test_requests_that_no_target_s_group_lets_in_end_with_504",
        "test_traffic.py::test_requests_that_do_not_reach_the_load_balancer_are_not_counted",
    ),
    ("Elastic Load Balancing", "Target groups are"): (
        "target groups are validated by type and protocol",
        "health check settings outside AWS's bounds are refused",
    ),
    ("Elastic Load Balancing", "Targets are validated:"): (
        "functions and load balancers are targets if they exist",
        "an address is a target if it is private, and outside of the VPC with a zone",
        "only an existing instance in the VPC of the target group can be registered",
    ),
    ("Elastic Load Balancing", "The ARN of"): ("the ARNs of a load balancer, its tags and listeners contain its type",),
    ("Elastic Load Balancing", "The actions of"): (
        "the actions of a rule are validated",
        "a target group belongs to one load balancer, which its description names until the listener is gone",
    ),
    ("Elastic Load Balancing", "The conditions of"): ("the conditions of a rule are validated",),
    ("Elastic Load Balancing", "The quotas of"): (
        "a resource has at most fifty tags, and a load balancer at most fifty listeners",
        "a load balancer has at most a hundred rules",
        "the quotas of load balancers are described",
    ),
    ("ElastiCache", "A cache cluster needs"): (
        "an invalid cache cluster identifier is refused",
        "a cache subnet group has subnets of one VPC, and absent caches have no tags",
    ),
    ("ElastiCache", "A cache cluster takes"): (
        "a cache that is being created cannot be changed or deleted",
        "a cache that is being deleted blocks its subnet group and cannot be deleted again",
        "test_provisioning.py::test_the_result_is_the_same_in_one_jump_and_in_many",
    ),
    ("ElastiCache", "A cache subnet"): ("a cache subnet group cannot be deleted before its clusters",),
    ("ElastiCache", "A change of"): ("a new node type of a cache waits for its maintenance window",),
    ("ElastiCache", "A reboot of"): ("a reboot of a cache takes a while",),
    ("ElastiCache", "A replication group has"): (
        "a replication group of two cache clusters has a primary and a replica",
    ),
    ("ElastiCache", "A replication group takes"): (
        "a replication group is created, can then be changed, and is deleted",
    ),
    ("ElastiCache", "Descriptions of replication"): (
        "descriptions of replication groups, brokers, user pools and clients have the members that AWS always returns",
    ),
    ("ElastiCache", "Descriptions of cache"): (
        "the description of a cache has the members that AWS always returns",
        "a cache cluster is described with nodes and security groups",
        "a cache cluster can be changed",
    ),
    ("ElastiCache", "With `--run`, an available"): (
        "test_running_stores.py::test_a_cache_should_run_at_the_address_of_its_interface_and_counts_reboots",
    ),
    ("ElastiCache", "Tags of a"): (
        "a cache cluster in a missing subnet group is refused",
        "a cache subnet group has subnets of one VPC, and absent caches have no tags",
    ),
    ("ElastiCache", "The settings of"): (
        "a cache with an engine that does not exist is refused",
        "a cache with a node type that does not exist is refused",
        "a cache with two Redis nodes is refused",
        "a cache with a version that does not exist is refused",
        "a cache with a short maintenance window is refused",
        "a cache with a retention of 36 days is refused",
        "a cache with an absent security group is refused",
        "a cache with an absent parameter group is refused",
    ),
    ("Elastic Load Balancing", "Where the services"): (
        "../data_plane/test_tasks.py::test_what_kills_the_supervisor_ends_everything_it_ran",
    ),
    ("EventBridge", "A rule with"): ("test_effects.py::test_a_schedule_sends_events_to_a_topic_and_a_log_group",),
    ("EventBridge", "An enabled rule"): ("test_effects.py::test_a_target_receives_the_input_that_it_asks_for",),
    ("EventBridge", "Changes of state"): (
        "test_effects.py::test_groups_instances_and_tasks_send_their_changes_to_eventbridge",
    ),
    ("Free Tier", "An account plan"): (
        "test_account_plans.py::test_the_state_of_a_free_plan_has_credits_and_an_end",
        "test_account_plans.py::test_a_plan_can_be_upgraded_but_not_downgraded",
        "test_account_plans.py::test_an_account_without_credits_has_neither_a_plan_nor_activities",
    ),
    ("Free Tier", "Five activities earn"): (
        "test_account_plans.py::test_a_first_instance_database_function_and_budget_earn_20_usd_each",
        "test_rating.py::test_activities_earn_credits_and_all_credits_expire",
    ),
    ("Free Tier", "The free tier"): (
        "test_free_tier.py::test_twelve_instances_use_750_hours_in_two_and_a_half_days",
        "test_free_tier.py::test_the_free_tier_is_renewed_each_month",
    ),
    ("IAM", "A managed policy"): (
        "an attached policy cannot be deleted",
        "a policy cannot be deleted before its other versions",
    ),
    ("IAM", "A user can"): (
        "a user with a group, a key or a password cannot be deleted, nor can a group with users or policies",
    ),
    ("IAM", "A service-linked role"): (
        "a service-linked role has its service's name and policy, and only the service changes it",
    ),
    ("IAM", "Operations on IAM"): (
        "operations on missing resources of other services are refused",
        "a role is removed from its instance profile",
    ),
    ("IAM", "Policies have their"): (
        "a role has ten managed policies at most, and policies have a largest size",
        "a name of a user differs from others by more than its case",
    ),
    ("IAM", "SimulatePrincipalPolicy answers that"): (
        "test_quotas.py::test_every_action_is_allowed_in_the_policy_simulator",
    ),
    ("IAM", "The creation of"): ("a role shows more when it is read alone",),
    ("IAM", "The trust policy"): (
        "a role needs a trust policy, and a refused one is not kept",
        "a trust policy may be of 2008, and names principals that exist",
    ),
    ("KMS", "Grants of a"): ("operations on a missing secret, key, user pool or alarm are refused",),
    ("Price List", "Products and prices"): (
        "test_price_list_api.py::test_products_pass_every_filter",
        "test_price_list_api.py::test_the_price_of_an_instance_is_found_with_the_usual_filters",
    ),
    ("RDS", "With `--run`, an available"): (
        "test_running_stores.py::test_a_database_should_run_as_it_was_created",
        "test_running_stores.py::test_a_changed_password_and_a_reboot_are_passed_on",
    ),
    ("RDS", "With `--run`, a snapshot has"): (
        "test_running_stores.py::test_snapshots_copies_and_restores_name_where_their_data_come_from",
    ),
    ("RDS", "With `--run`, a snapshot of"): (
        "test_running_stores.py::test_a_snapshot_of_a_database_that_runs_is_available_once_its_data_are_copied",
    ),
    ("RDS", "A DB instance is backed"): (
        "test_backups.py::test_a_backup_is_taken_at_first_and_daily_in_its_window_and_kept_for_the_retention_period",
        "test_backups.py::test_a_stopped_database_keeps_its_backups_and_starts_after_seven_days",
    ),
    ("RDS", "A DB instance is restored"): (
        "test_backups.py::test_a_database_is_restored_to_a_time_between_the_earliest_and_the_latest",
        "test_backups.py::test_backups_of_a_deleted_database_are_kept_if_the_deletion_says_so",
    ),
    ("RDS", "A DB instance takes"): (
        "a database that is being created can be deleted, but not changed, rebooted or copied",
        "a database that is being deleted blocks its subnet group and cannot be deleted again",
        "test_provisioning.py::test_the_event_log_has_each_end_of_provisioning_with_its_duration",
    ),
    ("RDS", "A DB subnet group has"): (
        "a DB subnet group needs two zones",
        "the name of a DB subnet group is unique",
    ),
    ("RDS", "A DB subnet group or"): (
        "a DB parameter group in use cannot be deleted",
        "a DB subnet group cannot be deleted before its databases",
    ),
    ("RDS", "A change of"): (
        "test_pending_changes.py::test_a_change_waits_until_the_maintenance_window",
        "test_pending_changes.py::test_an_immediate_change_applies_what_waits",
        "test_backups.py::test_switching_backups_off_deletes_them",
    ),
    ("RDS", "A new DB"): (
        "a DB instance is private and has a current version by default",
        "a changed DB subnet group still exists",
    ),
    ("RDS", "A replica and"): ("a replica and a restore name their source, and a parameter has a name",),
    ("RDS", "A stopped DB"): (
        "test_backups.py::test_a_stopped_database_keeps_its_backups_and_starts_after_seven_days",
        "a stopped database refuses changes",
        "a database with a read replica and the replica cannot be stopped",
    ),
    ("RDS", "Descriptions of DB"): (
        "descriptions of databases and snapshots have the members that AWS always returns",
    ),
    ("RDS", "Engine versions of"): (
        "test_quotas.py::test_engine_versions_are_those_that_can_be_created",
        "test_quotas.py::test_engine_versions_that_are_not_simulated_are_not_an_empty_list",
    ),
    ("RDS", "Identifiers and names"): ("an identifier is checked before the database is looked for",),
    ("RDS", "Operations on a"): ("operations on missing RDS resources are refused",),
    ("RDS", "Orderable options of"): (
        "test_quotas.py::test_offers_of_databases_and_brokers_are_those_that_can_be_created",
    ),
    ("RDS", "The deletion of"): ("deleting a database must take or skip a final snapshot",),
    ("RDS", "The settings of"): (
        "a database with an engine that does not exist is refused",
        "a database with a class that does not exist is refused",
        "a database with a version that does not exist is refused",
        "a database with less storage than its type has is refused",
        "a database with a short password is refused",
        "a database with a port below 1150 is refused",
        "a database with a retention of 36 days is refused",
        "a database with a backup window of ten minutes is refused",
        "a database with windows that overlap is refused",
        "a database with a database name with a hyphen is refused",
    ),
    ("RDS", "The storage of"): (
        "storage of a database grows by a tenth at least, never shrinks, and then rests for hours",
        "an engine is not downgraded, and upgraded to a new major version if the call allows it",
        "the engine of a database does not change",
    ),
    ("RDS", "The subnet group"): (
        "a database with an absent security group is refused",
        "a database with an absent subnet group is refused",
        "a subnet group with an absent subnet is refused and not kept",
    ),
    ("S3", "A bucket needs"): ("an invalid bucket name is refused",),
    ("S3", "A checksum has"): ("a checksum has a type, owners have no names, and another expected owner is refused",),
    ("S3", "A copy of"): ("a copy of an object onto itself must change something",),
    ("S3", "A multipart upload"): ("a missing multipart upload is NoSuchUpload",),
    ("S3", "A new bucket"): ("a new bucket blocks public access",),
    ("S3", "A tagging without"): ("a tagging without a tag set removes the tags",),
    ("S3", "Bucket policies, grants,"): (
        "headers and bodies that S3 cannot read are refused, and an invalid range is ignored",
    ),
    ("S3", "CreateBucket sets tags,"): ("CreateBucket sets tags",),
    ("S3", "In a bucket"): ("a deletion in a bucket with suspended versioning keeps the versions",),
    ("S3", "Lifecycle rules are"): (
        "test_expiry.py::test_objects_expire_at_midnight_by_the_filter_of_their_rule",
        "test_expiry.py::test_versions_expire_after_they_are_replaced_and_lone_markers_go",
        "test_expiry.py::test_objects_change_their_storage_class_and_unfinished_uploads_are_aborted",
    ),
    ("S3", "S3 operations that"): (
        "deleting an annotation of an object does not delete the object",
        "test_server.py::test_a_call_that_is_not_simulated_returns_its_name",
    ),
    ("S3", "The retention of"): ("the retention of an object is read",),
    ("S3", "Writes, completed uploads,"): (
        "writes have conditions",
        "the completion of an upload may be repeated",
        "the source of a copy has conditions",
    ),
    ("SQS", "A queue with an"): (
        "test_request_validation.py::test_a_request_outside_the_model_is_refused_in_the_words_of_the_service",
    ),
    ("Secrets Manager", "A secret is"): ("a secret is deleted at the end of its recovery window",),
    ("Secrets Manager", "Operations on a"): ("operations on a missing secret, key, user pool or alarm are refused",),
    ("Secrets Manager", "The name of"): (
        "a secret has a valid name and one value; its name stays taken while its deletion is scheduled",
    ),
    ("Service Quotas", "The quotas for"): (
        "test_quotas.py::test_service_quotas_lists_what_is_enforced_and_the_defaults",
        "test_quotas.py::test_an_increase_holds_when_it_is_approved",
    ),
    ("SNS", "A message has"): (
        "messages are checked: text, subject, structure and attributes",
        "entries of a batch are checked together",
    ),
    ("SNS", "A message reaches"): (
        "a message that cannot be delivered goes to the dead-letter queue of the subscription",
        "a FIFO topic numbers its messages, leaves out duplicates and signs none",
        "test_effects.py::test_a_subscriber_that_cannot_be_reached_does_not_keep_the_message_from_others",
        "test_effects.py::test_an_alarm_publishes_to_its_topic_in_the_words_of_cloudwatch",
    ),
    ("SNS", "A subscription has"): ("subscriptions are checked, and exist once",),
    ("SNS", "A topic has"): (
        "a topic with other attributes or tags is another topic",
        "the attributes of a topic are those of AWS",
    ),
    ("SNS", "A topic is"): ("test_doors.py::test_odd_parameters_are_refused_by_the_service",),
    ("SNS", "Applications on platforms"): (
        "applications for phones, settings of text messages and numbers are checked",
    ),
    ("SQS", "A queue that"): (
        "a queue is created once with its attributes, and its name is free a minute after it was deleted",
    ),
    ("SQS", "Sizes, identifiers and"): (
        "messages and receivers are checked",
        "entries, receipts and values of messages are checked",
        "a message reaches a receiver that waits for it",
    ),
    ("STS", "Accounts are isolated;"): (
        "test_server.py::test_accounts_are_isolated",
        "test_server.py::test_an_access_key_of_twelve_digits_is_an_account",
        "test_server.py::test_an_assumed_role_acts_in_the_account_of_the_role",
        "test_server.py::test_the_key_of_an_iam_user_acts_in_the_users_account",
    ),
    ("Systems Manager", "DescribeParameters lists the"): ("AWS's public parameters are not among the account's",),
    ("Systems Manager", "Labels for a"): ("labels for a missing parameter leave nothing behind",),
    ("Systems Manager", "The name of"): (
        "a parameter has a name, a size and a pattern that fit, and a refused one is not kept",
    ),
    ("Systems Manager", "The public ECS"): ("the parameter of the recommended ECS image contains JSON",),
    ("Tags", "A tag without"): ("a tag without a value has an empty one",),
    ("Tags", "TagResources and UntagResources"): (
        "the tagging API changes the tags that each service shows",
        "the tagging API reports missing resources",
    ),
    ("Tags", "Tags in RDS,"): ("tags in RDS, ElastiCache and Secrets Manager have a key without the reserved prefix",),
    ("Tags", "Tags of scalable"): (
        "tags of a user pool can be listed and changed",
        "tags of a scalable target can be listed",
        "the tags of an instance profile can be listed",
        "a budget has tags, can be changed, and lists its subscribers",
    ),
    ("Tags", "The tagging API"): (
        "the tagging API lists tagged resources of every service",
        "the tagging API lists no deleted resources",
        "the tagging API lists keys and values of every service, each once",
    ),
    ("time", "One clock for"): (
        "test_clock.py::test_a_waiter_advances_the_clock_and_other_describe_calls_do_not",
        "test_clock.py::test_the_clock_starts_at_the_given_time_and_again_after_a_reset",
        "test_clock.py::test_a_still_clock_moves_only_when_a_client_advances_it",
    ),
    ("anything else", "Lists have pages"): (
        "an invalid pagination token is refused",
        "EC2 resources are described in pages",
    ),
    ("anything else", "Responses have the"): ("test_response_shapes.py::test_responses_have_the_shapes_of_the_models",),
}
"""(service, the start of a statement) → what fails if the statement is untrue."""
