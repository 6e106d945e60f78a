@description('Name, which the names of the resources end with.')
param name string

@description('Azure region.')
param location string

@description('Tags of the resources.')
param tags object

@description('Address space: a /24 or larger. The first /26 is for the function app, the second for private endpoints.')
param addressPrefix string

@description('Whether the function app can send to the internet, by a NAT gateway with a public address. It costs all day.')
param hasNatGateway bool

@description('The private DNS zones to be made, and used in this network.')
param zoneNames string[]

resource address 'Microsoft.Network/publicIPAddresses@2025-09-01' = if (hasNatGateway) {
  name: 'pip-${name}'
  location: location
  tags: tags
  sku: { name: 'Standard' }
  properties: { publicIPAllocationMethod: 'Static', publicIPAddressVersion: 'IPv4' }
}

resource gateway 'Microsoft.Network/natGateways@2025-09-01' = if (hasNatGateway) {
  name: 'ng-${name}'
  location: location
  tags: tags
  sku: { name: 'Standard' }
  properties: { publicIpAddresses: [{ id: address.id }] }
}

resource network 'Microsoft.Network/virtualNetworks@2025-09-01' = {
  name: 'vnet-${name}'
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: [addressPrefix] }
    subnets: [
      {
        name: 'functions'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 26, 0)
          // What the Flex Consumption plan asks for.
          delegations: [{ name: 'functions', properties: { serviceName: 'Microsoft.App/environments' } }]
          // Said, since its default depends on the version of the API: nothing leaves but by the NAT gateway.
          defaultOutboundAccess: false
          natGateway: hasNatGateway ? { id: gateway.id } : null
        }
      }
      {
        name: 'private-endpoints'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 26, 1)
          privateEndpointNetworkPolicies: 'Enabled'
          defaultOutboundAccess: false
        }
      }
    ]
  }
}

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for zone in zoneNames: {
    name: zone
    location: 'global'
    tags: tags
  }
]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (zone, i) in zoneNames: {
    parent: zones[i]
    name: network.name
    location: 'global'
    tags: tags
    properties: { registrationEnabled: false, virtualNetwork: { id: network.id } }
  }
]

@description('Resource id of the subnet that the function app sends from.')
output functionSubnetId string = network.properties.subnets[0].id

@description('Resource id of the subnet for private endpoints.')
output privateEndpointSubnetId string = network.properties.subnets[1].id
