# Does a proxy's order hold on the embedded digits? 27 cell architectures and 4 models of timm, each with two seeds,
# through zero-cost scores, classification, detection and re-identification; searches of both methods with 3 seeds.
# `wildnas transfer` prints the answer.
task = 'pipeline'
searches = ['search/digits_pc_darts', 'search/digits_p_darts']
seeds = [0, 1, 2]
# All of the zoo, and small models of timm.
baselines = [
    'AmoebaNet',
    'DARTS_V1',
    'DARTS_V2',
    'DrNAS_cifar10',
    'DrNAS_imagenet',
    'GDAS_V1',
    'NASNet',
    'PC_DARTS_cifar',
    'PC_DARTS_image',
    'PDARTS',
    'SGAS_Cri1_CIFAR_3',
    'SNAS_mild',
    'TENAS_imagenet',
    'timm:mobilenetv2_050',
    'timm:mobilenetv3_small_050',
    'timm:regnetx_002',
    'timm:resnet10t',
]
# With these and what six searches find, 27 cell architectures.
random_baselines = 8
retrain = 'classification/digits'
# Zero-cost scores are taken at initialisation; detection and re-identification start from the classification's weights.
transfers = ['zerocost/digits', 'detection/digits_ssd', 'reid/digits_p3']
# Two seeds of every number: how well one seed's order predicts the other's is the noise ceiling.
retrain_seeds = [0, 1]
expected = {
    'search/digits_pc_darts': dict(hours=36 / 3600, device='CPU', source='measured on two cores'),
    'search/digits_p_darts': dict(hours=65 / 3600, device='CPU', source='measured on two cores'),
    'classification/digits': dict(hours=15 / 3600, device='CPU', source='measured on two cores'),
    'detection/digits_ssd': dict(hours=43 / 3600, device='CPU', source='measured on two cores'),
    'reid/digits_p3': dict(hours=35 / 3600, device='CPU', source='measured on two cores'),
}
