# Does a proxy's order hold on the embedded digits? 33 cell architectures and 4 models of timm, each with two seeds,
# through zero-cost scores, classification, detection and re-identification; searches of both methods with 3 seeds.
# `wildnas run pipelines/digits_study --jobs 2` takes 1.5 hours on two cores; `wildnas transfer` prints the answer.
task = 'pipeline'
searches = ['search/digits_study_pc_darts', 'search/digits_study_p_darts']
seeds = [0, 1, 2]
# All of the zoo, cells of few operations, and small models of timm.
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
    # Published cells differ little on digits: cells of pools, skips and at most one convolution widen the range.
    'random:0:skip_connect,max_pool_3x3,avg_pool_3x3',
    'random:1:skip_connect,max_pool_3x3,avg_pool_3x3',
    'random:2:skip_connect,max_pool_3x3,avg_pool_3x3',
    'random:0:skip_connect,max_pool_3x3,avg_pool_3x3,sep_conv_3x3',
    'random:1:skip_connect,max_pool_3x3,avg_pool_3x3,sep_conv_3x3',
    'random:2:skip_connect,max_pool_3x3,avg_pool_3x3,sep_conv_3x3',
    'random:0:skip_connect,max_pool_3x3,avg_pool_3x3,dil_conv_3x3',
    'random:1:skip_connect,max_pool_3x3,avg_pool_3x3,dil_conv_3x3',
    'random:2:skip_connect,max_pool_3x3,avg_pool_3x3,dil_conv_3x3',
    'timm:mobilenetv2_050',
    'timm:mobilenetv3_small_050',
    'timm:regnetx_002',
    'timm:mnasnet_small',
]
random_baselines = 5
retrain = 'classification/digits_study'
# Zero-cost scores are taken at initialisation; detection and re-identification start from the classification's weights.
transfers = ['zerocost/digits_study', 'detection/digits_study_ssd', 'reid/digits_study_p3']
# Two seeds of every number: how well one seed's order predicts the other's is the noise ceiling.
retrain_seeds = [0, 1]
expected = {
    'search/digits_study_pc_darts': dict(hours=60 / 3600, device='CPU', source='measured on one core'),
    'search/digits_study_p_darts': dict(hours=150 / 3600, device='CPU', source='measured on one core'),
    'classification/digits_study': dict(hours=10 / 3600, device='CPU', source='measured on one core'),
    'detection/digits_study_ssd': dict(hours=65 / 3600, device='CPU', source='measured on one core'),
    'reid/digits_study_p3': dict(hours=35 / 3600, device='CPU', source='measured on one core'),
    'zerocost/digits_study': dict(hours=3 / 3600, device='CPU', source='measured on one core'),
}
