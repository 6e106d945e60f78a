@description('Name of what it leads to; its own name is made from it.')
param name string

@description('Azure region: that of the subnet.')
param location string

@description('Tags of the resources.')
param tags object

@description('Resource id of the subnet that it gets its address in.')
param subnetId string

@description('Resource id of what it leads to.')
param targetId string

@description('Which part of that: blob, registry, sites, azuremonitor.')
param groupId string

@description('The private DNS zones of this resource group that it is entered in. None: the operator of the network enters it, by a policy for example.')
param zoneNames string[]

resource endpoint 'Microsoft.Network/privateEndpoints@2025-09-01' = {
  name: 'pep-${name}-${groupId}'
  location: location
  tags: tags
  properties: {
    subnet: { id: subnetId }
    customNetworkInterfaceName: 'nic-${name}-${groupId}'
    privateLinkServiceConnections: [
      {
        name: groupId
        properties: { privateLinkServiceId: targetId, groupIds: [groupId] }
      }
    ]
  }

  resource names 'privateDnsZoneGroups' = if (!empty(zoneNames)) {
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        for zone in zoneNames: {
          name: replace(zone, '.', '-')
          properties: { privateDnsZoneId: resourceId('Microsoft.Network/privateDnsZones', zone) }
        }
      ]
    }
  }
}
