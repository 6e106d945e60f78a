/*
  The built-in roles that are granted here, by their names. Ids: Microsoft Learn, "Azure built-in roles"; they are the
  same in every tenant.
*/

@export()
@description('Ids of built-in roles.')
var roles = {
  AcrPull: '7f951dda-4ed3-4680-a7ca-43fe172d538d'
  AcrDelete: 'c2f4ef07-c644-48eb-af81-4b1b4947fb11'
  AcrPush: '8311e382-0749-4cb8-b61a-304f252e45ec'
  'Container Registry Repository Reader': 'b93aa761-3e63-49ed-ac28-beffa264f7ac'
  'Container Registry Repository Contributor': '2efddaa5-3f1f-4df3-97df-af3f13818f4c'
  'Container Registry Repository Catalog Lister': 'bfdb9389-c9a5-478a-bb2f-ba9ca092c3c7'
  'Storage Blob Data Contributor': 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
  'Storage Blob Data Owner': 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  'Storage Queue Data Contributor': '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
  'Storage Table Data Contributor': '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
  'Security Reader': '39bc4728-0917-49c7-9d2c-d95423bc2eb4'
  'Monitoring Metrics Publisher': '3913510d-42f4-4e42-8a64-420c390055eb'
}
