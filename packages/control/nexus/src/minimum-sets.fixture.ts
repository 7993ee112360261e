/**
 * The operations that two stories need, as the published interface names them: (a) somebody who uses the rack through the web console, from the
 * login to the serial console; (b) whoever operates it, with the command line, an SDK or Terraform.
 */
import type { NexusOperation } from '@lodestone/contract-nexus'

export const USER_STORY: readonly NexusOperation[] = [
  ...['login_local', 'logout', 'current_user_view', 'current_user_groups'],
  ...['current_user_ssh_key_list', 'current_user_ssh_key_create', 'current_user_ssh_key_view'],
  ...['current_user_ssh_key_delete', 'device_auth_request', 'device_auth_confirm', 'device_access_token'],
  ...['current_user_access_token_list', 'current_user_access_token_delete'],
  ...['project_list', 'project_create', 'project_view', 'project_update', 'project_delete'],
  ...['project_policy_view', 'project_policy_update', 'policy_view', 'policy_update', 'user_list', 'group_list'],
  ...['vpc_list', 'vpc_create', 'vpc_view', 'vpc_update', 'vpc_delete'],
  ...['vpc_subnet_list', 'vpc_subnet_create', 'vpc_subnet_view', 'vpc_subnet_update', 'vpc_subnet_delete'],
  ...['vpc_firewall_rules_view', 'vpc_firewall_rules_update'],
  ...['vpc_router_list', 'vpc_router_create', 'vpc_router_view', 'vpc_router_update', 'vpc_router_delete'],
  ...['vpc_router_route_list', 'vpc_router_route_create', 'vpc_router_route_view', 'vpc_router_route_update'],
  ...['vpc_router_route_delete', 'internet_gateway_list', 'internet_gateway_view', 'internet_gateway_ip_pool_list'],
  ...['internet_gateway_ip_address_list'],
  ...['instance_list', 'instance_create', 'instance_view', 'instance_update', 'instance_delete'],
  ...['instance_start', 'instance_stop', 'instance_reboot'],
  ...['instance_disk_list', 'instance_disk_attach', 'instance_disk_detach', 'instance_external_ip_list'],
  ...['instance_ephemeral_ip_attach', 'instance_ephemeral_ip_detach', 'instance_external_subnet_list'],
  ...['instance_anti_affinity_group_list', 'instance_serial_console_stream'],
  ...['instance_network_interface_list', 'instance_network_interface_create', 'instance_network_interface_view'],
  ...['instance_network_interface_update', 'instance_network_interface_delete', 'anti_affinity_group_list'],
  ...['floating_ip_list', 'floating_ip_create', 'floating_ip_view', 'floating_ip_update', 'floating_ip_delete'],
  ...['floating_ip_attach', 'floating_ip_detach', 'ip_pool_list', 'ip_pool_view', 'external_subnet_list'],
  ...['image_list', 'image_view', 'disk_list', 'disk_create', 'disk_view', 'disk_delete'],
  ...['snapshot_list', 'snapshot_view', 'timeseries_query', 'utilization_view', 'silo_metric'],
  // because each name is checked against the declared operations by a test
] as NexusOperation[]

export const OPERATOR_STORY: readonly NexusOperation[] = [
  ...['system_ip_pool_list', 'system_ip_pool_create', 'system_ip_pool_view', 'system_ip_pool_update'],
  ...['system_ip_pool_delete', 'system_ip_pool_range_list', 'system_ip_pool_range_add', 'system_ip_pool_range_remove'],
  ...['system_ip_pool_silo_list', 'system_ip_pool_silo_link', 'system_ip_pool_silo_update'],
  ...['system_ip_pool_silo_unlink', 'system_ip_pool_utilization_view', 'system_ip_pool_assign'],
  ...['networking_address_lot_list', 'networking_address_lot_create', 'networking_address_lot_view'],
  ...['networking_address_lot_delete', 'networking_address_lot_block_list'],
  ...['networking_switch_port_settings_list', 'networking_switch_port_settings_create'],
  ...['networking_switch_port_settings_delete', 'networking_switch_port_settings_view'],
  ...['networking_switch_port_list', 'networking_switch_port_apply_settings'],
  ...['networking_switch_port_clear_settings', 'networking_switch_port_status'],
  ...['networking_switch_port_lldp_config_view', 'networking_switch_port_lldp_config_update'],
  ...['networking_switch_port_lldp_neighbors'],
  ...['networking_bgp_config_list', 'networking_bgp_config_create', 'networking_bgp_config_update'],
  ...['networking_bgp_config_delete', 'networking_bgp_announce_set_list', 'networking_bgp_announce_set_update'],
  ...['networking_bgp_announce_set_delete', 'networking_bgp_announcement_list', 'networking_bgp_status'],
  ...['networking_bgp_exported', 'networking_bgp_imported', 'networking_bgp_message_history'],
  ...['networking_bfd_enable', 'networking_bfd_disable', 'networking_bfd_status'],
  ...['networking_loopback_address_list', 'networking_loopback_address_create'],
  ...['networking_loopback_address_delete', 'networking_allow_list_view', 'networking_allow_list_update'],
  ...['networking_inbound_icmp_view', 'networking_inbound_icmp_update', 'system_networking_settings_view'],
  ...['system_networking_settings_update'],
  ...['rack_list', 'rack_view', 'sled_list', 'sled_view', 'sled_physical_disk_list', 'sled_instance_list'],
  ...['sled_set_provision_policy', 'switch_list', 'switch_view', 'physical_disk_list', 'sled_list_uninitialized'],
  ...['silo_list', 'silo_create', 'silo_view', 'silo_delete', 'silo_quotas_view', 'silo_quotas_update'],
  ...['silo_policy_view', 'silo_policy_update', 'silo_ip_pool_list', 'system_policy_view', 'system_policy_update'],
  ...['local_idp_user_create', 'local_idp_user_set_password', 'local_idp_user_delete', 'audit_log_list', 'ping'],
  ...['silo_identity_provider_list', 'saml_identity_provider_create', 'saml_identity_provider_view'],
  ...['scim_token_list', 'scim_token_create', 'scim_token_view', 'scim_token_delete'],
  ...['certificate_list', 'certificate_create', 'certificate_view', 'certificate_delete'],
  // because each name is checked against the declared operations by a test
] as NexusOperation[]
